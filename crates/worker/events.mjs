// Events as signed webhooks, in the form of Standard Webhooks (https://www.standardwebhooks.com): each at least once,
// with an id by which a receiver knows a repetition.

/** How long to wait after each attempt that failed, in seconds. Then the event is given up. */
const WAITS = [5, 60, 300, 1_800, 7_200, 18_000, 36_000, 86_400];

/** How long to wait for the receiver, in milliseconds. */
const PATIENCE = 15_000;

/** The most events that wait, and the most that one alarm sends. */
const MAX_WAITING = 10_000;
const MAX_SENT = 50;

/** The events that are not delivered yet, in the SQLite of an object. */
export class Outbox {
  constructor(sql, env) {
    this.sql = sql;
    this.env = env;
    sql.exec(`CREATE TABLE IF NOT EXISTS events (
      id TEXT PRIMARY KEY, body TEXT NOT NULL, attempts INTEGER NOT NULL, due INTEGER NOT NULL);
      CREATE INDEX IF NOT EXISTS due ON events (due);`);
    this.waiting = sql.exec("SELECT count(*) AS waiting FROM events").one().waiting;
  }

  /** Adds an event to the log and the data set, and for the receiver if there is one. */
  add([type, reason, line, body], now) {
    console.log(line);
    try {
      this.env.ANALYTICS?.writeDataPoint({ indexes: [reason], blobs: ["event", reason, type], doubles: [0] });
    } catch {
      // A lost count must not stop a revocation.
    }
    if (!this.env.EVENTS_URL) return;
    if (this.waiting >= MAX_WAITING) return lost("events_full");
    this.sql.exec("INSERT INTO events VALUES (?, ?, 0, ?)", `msg_${crypto.randomUUID()}`, body, now);
    this.waiting += 1;
  }

  /** When the next event is due, in milliseconds; undefined if there is none. */
  get due() {
    return this.sql.exec("SELECT min(due) AS due FROM events").one().due ?? undefined;
  }

  /** Sends what is due, one after the other. */
  async deliver() {
    const due = this.sql.exec("SELECT * FROM events WHERE due <= ? ORDER BY due LIMIT ?", Date.now(), MAX_SENT).toArray();
    for (const event of due) {
      const isDone = await this.send(event).catch(() => false);
      const wait = WAITS[event.attempts];
      if (!isDone && wait === undefined) lost("event_given_up");
      if (isDone || wait === undefined) {
        this.sql.exec("DELETE FROM events WHERE id = ?", event.id);
        this.waiting -= 1;
      } else this.sql.exec("UPDATE events SET attempts = attempts + 1, due = ? WHERE id = ?", Date.now() + wait * 1000, event.id);
    }
  }

  /** Whether the receiver has taken the event, or does not want it (410). */
  async send({ id, body }) {
    const timestamp = Math.floor(Date.now() / 1000);
    const response = await fetch(this.env.EVENTS_URL, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": String(timestamp),
        "webhook-signature": `v1,${await sign(this.env.EVENTS_SECRET, `${id}.${timestamp}.${body}`)}`,
      },
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(PATIENCE),
    });
    await response.body?.cancel();
    return response.ok || response.status === 410;
  }
}

async function sign(secret, text) {
  const bytes = Uint8Array.from(atob(secret.replace(/^whsec_/, "")), (char) => char.charCodeAt(0));
  const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const tag = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(text));
  return btoa(String.fromCharCode(...new Uint8Array(tag)));
}

function lost(reason) {
  console.error(JSON.stringify({ decision: "error", reason }));
}
