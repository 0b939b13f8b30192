// A record: one Durable Object for each reference, token or viewer that the deployment remembers. Wasm says what a
// command does; the object stores the result.
import { DurableObject } from "cloudflare:workers";

import { call, glue, mend } from "./instance.mjs";

/** How long to wait until the denylist gets what it did not take, in milliseconds. */
const RETRY = 10_000;

export class Record extends DurableObject {
  // The command before this one.
  last = Promise.resolve();

  /** Carries out a command. Returns the answer. */
  apply(command) {
    return this.afterOthers(() => this.carryOut(command));
  }

  /** Does something after the commands before it. */
  afterOthers(work) {
    const result = this.last.then(work);
    this.last = result.catch(() => {});
    return result;
  }

  async carryOut(command) {
    mend();
    const { storage } = this.ctx;
    const stored = storage.kv.get("record");
    const outcome = call(() => glue.applyCommand(stored, command, Date.now()));
    if (outcome === undefined) throw new Error("the record or the command is of another version");
    const [record, sweepAt, answer, revocations, theft] = outcome;
    if (revocations.length > 0) await this.revoke(revocations, theft);
    const isEmpty = record === undefined && this.pending.length === 0;
    if (isEmpty) {
      await storage.deleteAlarm();
      await storage.deleteAll();
      return answer;
    }
    if (record === undefined) storage.kv.delete("record");
    else if (record !== null) storage.kv.put("record", record);
    if (record !== undefined && (record !== null || stored !== undefined)) await this.wake(sweepAt);
    return answer;
  }

  /** What the denylist did not take yet: revocations, and what events tell of them. */
  get pending() {
    return this.ctx.storage.kv.get("pending") ?? [];
  }

  /**
   * Revokes. Playbacks are revoked before the record is stored: if the denylist fails, the command is repeated. A session
   * ends all the same, because nobody repeats the command of a thief: then the denylist gets the revocation later.
   */
  async revoke(revocations, theft) {
    const about = this.about(theft);
    try {
      await this.env.DENYLIST.getByName("denylist").add(revocations, about);
    } catch (error) {
      if (!call(() => revocations.every((lines) => glue.endsSession(lines)))) throw error;
      this.ctx.storage.kv.put("pending", [...this.pending, [revocations, about]]);
      await this.wake(Date.now() + RETRY);
    }
  }

  /** Gives the denylist what it did not take. */
  async retry() {
    if (this.pending.length === 0) return;
    const left = [];
    for (const [revocations, about] of this.pending) {
      const isDone = await this.env.DENYLIST.getByName("denylist").add(revocations, about).then(() => true, () => false);
      if (!isDone) left.push([revocations, about]);
    }
    if (left.length > 0) {
      this.ctx.storage.kv.put("pending", left);
      await this.wake(Date.now() + RETRY);
    } else this.ctx.storage.kv.delete("pending");
  }

  /** What events tell besides the revocation: whose record it is, and how a refresh token was used twice. */
  about(theft) {
    const [, sub] = /^viewer\/(.*)$/s.exec(this.ctx.id.name ?? "") ?? [];
    return { sub, refreshes: theft };
  }

  /** Lets the alarm ring at a time, or earlier. */
  async wake(time) {
    const set = await this.ctx.storage.getAlarm();
    if (set === null || time < set) await this.ctx.storage.setAlarm(time);
  }

  /** Deletes what is no longer needed. */
  async alarm() {
    mend();
    await this.afterOthers(() => this.retry());
    await this.apply(call(() => glue.sweep()));
  }
}
