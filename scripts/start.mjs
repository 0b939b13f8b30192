// `npm start`: runs the origin and the edge on this machine, and a page that plays through both.
import { join } from "node:path";

import { fail, root, setUp } from "./setup.mjs";

await setUp();
const { build } = await import("./build.mjs");
const { isFree, startServices } = await import("./dev.mjs");
const { seed } = await import("./seed.mjs");

const originPort = Number(process.env.ORIGIN_PORT ?? 8788);
const edgePort = Number(process.env.EDGE_PORT ?? 8787);
for (const [name, port] of [["ORIGIN_PORT", originPort], ["EDGE_PORT", edgePort]]) {
  if (!(await isFree(port))) {
    fail(`port ${port} is in use; stop the program that uses it, or choose another port: ${name}=${port + 1000} npm start`);
  }
}

build();
console.log("Seeding the bucket ...");
const state = join(root, ".wrangler", "state");
await seed(state);

let services;
let stopping = false;
async function end(code, sentence) {
  if (stopping) return;
  stopping = true;
  if (sentence) console.error(`playgate: ${sentence}`);
  await services?.stop();
  process.exit(code);
}
process.on("SIGINT", () => end(0));
process.on("SIGTERM", () => end(0));

const onExit = (name, code) => end(1, `${name} exited with code ${code}; see its output above`);
services = await startServices({ originPort, edgePort, state, onExit }).catch((error) => end(1, error.message));
console.log(`
  Playgate runs at  ${services.origin}/
  origin ${services.origin} mints links, edge ${services.edge} checks them; Ctrl-C stops both
`);
