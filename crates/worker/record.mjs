// A record: one Durable Object for each reference, token or viewer that the deployment remembers. Wasm says what a
// command does; the object stores the result.
import { DurableObject } from "cloudflare:workers";

import { call, glue, mend } from "./instance.mjs";

export class Record extends DurableObject {
  // The command before this one.
  last = Promise.resolve();

  /** Carries out a command, after those before it. Returns the reply. */
  apply(command) {
    const result = this.last.then(() => this.carryOut(command));
    this.last = result.catch(() => {});
    return result;
  }

  async carryOut(command) {
    mend();
    const { storage } = this.ctx;
    const now = Date.now();
    const stored = storage.kv.get("record");
    const [record, until, reply, ...lines] = call(() => glue.applyCommand(stored, command, now)).split("\n");
    // Before the record is stored: if the denylist fails, the command is repeated.
    if (lines.length > 0) await this.env.DENYLIST.getByName("denylist").add(lines);
    if (record === "") {
      await storage.deleteAlarm();
      await storage.deleteAll();
      return reply;
    }
    if (record !== stored) storage.kv.put("record", record);
    if ((await storage.getAlarm()) === null) await storage.setAlarm(Number(until) * 1000);
    return reply;
  }

  /** Deletes the record if it is no longer needed. */
  async alarm() {
    await this.apply('"sweep"');
  }
}
