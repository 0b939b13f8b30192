// A Tomcat of this machine's package, with a folder of files: a server that reads paths in its own way.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { freePort } from "../../scripts/dev.mjs";

/** Where Debian's package has it. */
const HOME = "/usr/share/tomcat10";
const bootstrap = join(HOME, "bin/bootstrap.jar");
const isThere = existsSync(bootstrap) && spawnSync("java", ["-version"]).status === 0;

/** Why tests that need it are skipped; false where they are not. Nothing is skipped with CI=true. */
export const withoutTomcat = !isThere && process.env.CI !== "true"
  && "no Tomcat was found; install one (Debian: apt-get install tomcat10)";

const serverXml = (port) => `<Server port="-1">
  <Service name="Catalina">
    <Connector port="${port}" address="127.0.0.1" protocol="HTTP/1.1"/>
    <Engine name="Catalina" defaultHost="localhost">
      <Host name="localhost" appBase="webapps" autoDeploy="false"/>
    </Engine>
  </Service>
</Server>
`;

// Files and nothing else, as a web.xml of its own would have it.
const WEB_XML = `<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0">
  <servlet>
    <servlet-name>default</servlet-name>
    <servlet-class>org.apache.catalina.servlets.DefaultServlet</servlet-class>
  </servlet>
  <servlet-mapping>
    <servlet-name>default</servlet-name>
    <url-pattern>/</url-pattern>
  </servlet-mapping>
</web-app>
`;

/** Starts it on a free port, from a folder of its own that is gone afterwards. `files` are [path, text]. */
export async function startTomcat(files) {
  const base = mkdtempSync(join(tmpdir(), "playgate-tomcat-"));
  const write = (path, text) => {
    mkdirSync(dirname(join(base, path)), { recursive: true });
    writeFileSync(join(base, path), text);
  };
  const port = await freePort();
  write("conf/server.xml", serverXml(port));
  write("conf/web.xml", WEB_XML);
  write("temp/.keep", "");
  for (const [path, text] of files) write(join("webapps/ROOT", path), text);
  const child = spawn("java", [
    "-Xmx128m", "-XX:TieredStopAtLevel=1", `-Dcatalina.home=${HOME}`, `-Dcatalina.base=${base}`,
    `-Djava.io.tmpdir=${join(base, "temp")}`, "-cp", `${bootstrap}:${join(HOME, "bin/tomcat-juli.jar")}`,
    "org.apache.catalina.startup.Bootstrap", "start",
  ], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (text) => (said += text));
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.once("error", (error) => (said += error));
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const stop = async () => {
    kill();
    if (child.pid !== undefined) await gone;
    process.off("exit", kill);
    rmSync(base, { recursive: true, force: true });
  };
  const ask = (path) => askAt(port, path);
  for (const end = Date.now() + 60_000; ; await sleep(200)) {
    try {
      await ask("/");
      return { ask, port, stop };
    } catch (error) {
      if (Date.now() < end && child.exitCode === null) continue;
      await stop();
      throw new Error(`Tomcat did not answer: ${error.message}\n${said.slice(-2000)}`);
    }
  }
}

/** Asks a server of this machine for a path, byte for byte. */
export function askAt(port, path, headers = {}) {
  return new Promise((resolve, reject) => {
    const sent = http.get({ host: "127.0.0.1", port, path, headers, agent: false, timeout: 10_000 }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) });
      });
    });
    sent.on("timeout", () => sent.destroy(new Error("no answer within 10 s")));
    sent.on("error", reject);
  });
}
