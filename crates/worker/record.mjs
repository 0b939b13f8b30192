// A record: one Durable Object for each reference, token or viewer that the deployment remembers. Wasm says what a
// command does; the object stores the result.
import { DurableObject } from "cloudflare:workers";

import { call, glue, mend } from "./instance.mjs";

export class Record extends DurableObject {
  // The command before this one.
  last = Promise.resolve();

  /** Carries out a command, after those before it. Returns the answer. */
  apply(command) {
    const result = this.last.then(() => this.carryOut(command));
    this.last = result.catch(() => {});
    return result;
  }

  async carryOut(command) {
    mend();
    const { storage } = this.ctx;
    const stored = storage.kv.get("record");
    const outcome = call(() => glue.applyCommand(stored, command, Date.now()));
    if (outcome === undefined) throw new Error("the record or the command is of another version");
    const [record, until, answer, revocations, theft] = outcome;
    // Before the record is stored: if the denylist fails, the command is repeated.
    if (revocations.length > 0) await this.env.DENYLIST.getByName("denylist").add(revocations, this.about(theft));
    if (record === undefined) {
      await storage.deleteAlarm();
      await storage.deleteAll();
      return answer;
    }
    if (record !== null) storage.kv.put("record", record);
    if (record !== null || stored !== undefined) await this.wake(until);
    return answer;
  }

  /** What events tell besides the revocation: whose record it is, and how a refresh token was used twice. */
  about(theft) {
    const [, sub] = /^viewer\/(.*)$/s.exec(this.ctx.id.name ?? "") ?? [];
    return { ...(sub !== undefined && { sub }), ...(theft !== undefined && { uses: JSON.parse(theft) }) };
  }

  /** Lets the alarm ring once the record may not be needed. */
  async wake(until) {
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(until);
  }

  /** Deletes the record if it is no longer needed. */
  async alarm() {
    mend();
    await this.apply(call(() => glue.sweep()));
  }
}
