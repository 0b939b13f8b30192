// The denylist of a deployment: one Durable Object that keeps revocations in SQLite, as the log that gates follow.
// Wasm merges revocations, and encodes entries and responses.
import { DurableObject } from "cloudflare:workers";

import { Outbox } from "./events.mjs";
import { call, glue, mend } from "./instance.mjs";

/** When ended revocations are looked for, in milliseconds. */
const DAY = 86_400_000;

export class Denylist extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    this.sql = ctx.storage.sql;
    // The newest row of a kind and a value is the current one, unless it undoes the revocation. Rows are numbered from 0.
    this.sql.exec(`
      CREATE TABLE IF NOT EXISTS log (
        seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, value TEXT NOT NULL, issued_before INTEGER,
        until INTEGER NOT NULL, reason TEXT NOT NULL, entry BLOB NOT NULL, current INTEGER NOT NULL);
      CREATE UNIQUE INDEX IF NOT EXISTS current ON log (kind, value) WHERE current;
      CREATE TABLE IF NOT EXISTS identity (epoch TEXT NOT NULL, key BLOB NOT NULL, compact_at INTEGER NOT NULL);`);
    this.outbox = new Outbox(this.sql, env);
    if (this.rows("SELECT epoch FROM identity").length === 0) {
      // Expected once. Later it means that the storage was lost, and with it what was revoked.
      console.log(JSON.stringify({ decision: "event", reason: "denylist_created" }));
      const key = crypto.getRandomValues(new Uint8Array(16));
      this.sql.exec("INSERT INTO identity VALUES (?, ?, 0)", newEpoch(), key);
    }
  }

  rows(query, ...values) {
    return this.sql.exec(query, ...values).toArray();
  }

  get length() {
    return this.rows("SELECT coalesce(max(seq) + 1, 0) AS length FROM log")[0].length;
  }

  /**
   * The entries from this one on, to the end of the tile, for a gate that follows this epoch and has `known` entries.
   * `isFull` says that the same question will always get the same answer.
   */
  since(epoch, from, known) {
    mend();
    return call(() => this.update(epoch, from, known));
  }

  update(epoch, from, known) {
    const [{ epoch: own, key }] = this.rows("SELECT epoch, key FROM identity");
    const { length } = this;
    // A gate that has more than the object: it was restored from a backup. Another epoch makes all gates read anew.
    if (epoch === own && known > length) {
      this.sql.exec("UPDATE identity SET epoch = ?", newEpoch());
      return this.update("", 0, 0);
    }
    const start = epoch === own ? from : 0;
    const end = Math.min(length, glue.tileEnd(start));
    const entries = this.rows("SELECT entry FROM log WHERE seq >= ? AND seq < ? ORDER BY seq", start, end);
    const header = glue.updateHeader(BigInt(own), new Uint8Array(key), start, end);
    const update = concat([header, ...entries.map(({ entry }) => new Uint8Array(entry))]);
    return { update, end, isFull: epoch === own && end === glue.tileEnd(start) };
  }

  /** Carries out an operator's call, and returns its response. */
  async manage(verb, words) {
    mend();
    const now = Date.now();
    if (verb === "list") return call(() => this.list(...words, now));
    if (verb === "undo") {
      const response = call(() => this.undo(words[0], words.slice(1).join("\n"), now));
      await this.wake();
      return response;
    }
    const [revocation, isNew] = call(() => this.revoke(words.join("\n"), now));
    await this.wake();
    if (revocation === undefined) return call(() => glue.full());
    return call(() => (verb === "revoke-only" ? glue.incomplete() : glue.revoked(revocation, isNew)));
  }

  /** Adds revocations that follow from a record, as lines, and what else an event tells of them. */
  async add(revocations, more) {
    mend();
    const now = Date.now();
    for (const lines of revocations) {
      const [added] = call(() => this.revoke(lines, now, more, true));
      if (added === undefined) throw new Error("the denylist is full");
    }
    await this.wake();
  }

  /** Lets the alarm ring when there is something to do. */
  async wake() {
    const [{ compact_at }] = this.rows("SELECT compact_at FROM identity");
    const compacts = this.length > 0 ? compact_at : Infinity;
    const next = Math.min(compacts, this.outbox.due ?? Infinity);
    if (next === Infinity) return;
    const set = await this.ctx.storage.getAlarm();
    if (set === null || next < set) await this.ringAt(next);
  }

  ringAt(time) {
    return this.ctx.storage.setAlarm(time);
  }

  /** The row of the revocation that holds for a kind and a value. */
  current(kind, value) {
    return this.rows("SELECT * FROM log WHERE kind = ? AND value = ? AND current", kind, value)[0];
  }

  /** Revokes. Returns the revocation that then holds as lines, undefined if there is no room; and whether it is new. */
  revoke(newer, now, more, isOfRecord = false) {
    const [kind, value] = newer.split("\n");
    const row = this.current(kind, value);
    const current = row && linesOf(row);
    const revised = glue.revise(current, newer, now);
    if (revised === undefined) return [current, false];
    const most = glue.maxLength(revised, isOfRecord);
    if (this.length >= most) this.compact(now, most);
    if (this.length >= most) return [undefined, false];
    this.append(revised, false, now, more);
    return [revised, true];
  }

  list(after, limit, now) {
    const found = this.rows(
      "SELECT * FROM log WHERE current AND seq > ? AND until > ? ORDER BY seq LIMIT ?",
      after === "" ? -1 : Number(after), Math.floor(now / 1000), Number(limit) + 1);
    const shown = found.slice(0, Number(limit));
    const next = found.length > shown.length ? shown.at(-1).seq : undefined;
    return glue.page(shown.map(linesOf), next);
  }

  undo(kind, value, now) {
    const row = this.current(kind, value);
    if (row) this.append(linesOf(row), true, now);
    return glue.undone(row !== undefined);
  }

  append(lines, removed, now, more = {}) {
    const [{ key, compact_at }] = this.rows("SELECT key, compact_at FROM identity");
    const { length } = this;
    const entry = glue.entry(lines, new Uint8Array(key), removed);
    const event = glue.event(lines, removed, more.sub, more.refreshes, new Date(now).toISOString());
    const [kind, value, issuedBefore, until, reason] = lines.split("\n");
    this.ctx.storage.transactionSync(() => {
      this.sql.exec("UPDATE log SET current = 0 WHERE kind = ? AND value = ? AND current", kind, value);
      this.sql.exec("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        length, kind, value, issuedBefore || null, until, reason, entry, removed ? 0 : 1);
      // A time that is further away is of a clock that was ahead.
      if (length === 0 || compact_at === 0 || compact_at > now + DAY) this.sql.exec("UPDATE identity SET compact_at = ?", now + DAY);
      this.outbox.add(event, now);
    });
  }

  /** Sends events, and once a day drops what has ended, so that the log stays short and viewers' ids are not kept. */
  async alarm() {
    mend();
    await this.outbox.deliver();
    const now = Date.now();
    const [{ compact_at }] = this.rows("SELECT compact_at FROM identity");
    if (compact_at <= now) {
      call(() => this.compact(now));
      this.sql.exec("UPDATE identity SET compact_at = ?", now + DAY);
    }
    await this.wake();
  }

  /** Starts a new log if much of this one is no longer needed. `most` is how many entries it may have, if it is full. */
  compact(now, most) {
    const { length } = this;
    // A gate may be behind, or have a leeway.
    const kept = Math.floor(now / 1000) - glue.clockSlack();
    const [{ live }] = this.rows("SELECT count(*) AS live FROM log WHERE current AND until > ?", kept);
    if (!glue.shouldCompact(length, live, most)) return;
    this.ctx.storage.transactionSync(() => {
      this.sql.exec("CREATE TABLE kept AS SELECT * FROM log WHERE current AND until > ?", kept);
      this.sql.exec("DELETE FROM log");
      this.sql.exec(`INSERT INTO log SELECT row_number() OVER (ORDER BY seq) - 1, kind, value, issued_before, until, reason, entry,
        current FROM kept`);
      this.sql.exec("DROP TABLE kept");
      this.sql.exec("UPDATE identity SET epoch = ?", newEpoch());
    });
  }
}

/** A row as the lines that wasm reads. */
function linesOf({ kind, value, issued_before, until, reason }) {
  return [kind, value, issued_before ?? "", until, reason].join("\n");
}

function newEpoch() {
  return crypto.getRandomValues(new BigUint64Array(1))[0].toString();
}

function concat(parts) {
  const bytes = new Uint8Array(parts.reduce((size, part) => size + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}
