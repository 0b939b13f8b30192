// Stands around the Worker's bundle in the tests, and is no part of what is uploaded.
import worker, { Denylist as Uploaded, Record as UploadedRecord } from "./entry.js";

/** The object, and what befalls its storage. */
export class Denylist extends Uploaded {
  /** Restores an older state: the last entries are lost. */
  lose(entries) {
    this.ctx.storage.sql.exec("DELETE FROM log WHERE seq >= (SELECT max(seq) + 1 FROM log) - ?", entries);
  }

  since(...question) {
    this.questions = (this.questions ?? 0) + 1;
    return super.since(...question);
  }

  /** How often it was asked. */
  counted() {
    return this.questions ?? 0;
  }

  /** Lets the alarm ring, as after a day. */
  ring() {
    this.ctx.storage.sql.exec("UPDATE identity SET compact_at = 1");
    return this.alarm();
  }

  /** The alarm rings by the real clock. */
  ringAt(time) {
    return super.ringAt(time - Date.now() + realNow());
  }

  /** The log as it is stored. */
  stored() {
    return this.ctx.storage.sql.exec("SELECT seq, kind, value, current FROM log ORDER BY seq").toArray();
  }

  /** Epoch, and when ended entries are looked for. */
  identity() {
    return this.ctx.storage.sql.exec("SELECT epoch, compact_at FROM identity").one();
  }

  /** The clock was ahead when it was last looked for ended entries. */
  comesFromTheFuture() {
    this.ctx.storage.sql.exec("UPDATE identity SET compact_at = 1e15");
  }

  /** Adds entries up to this length that hold until then. No gate can follow them. */
  fillUp(length, until) {
    this.ctx.storage.sql.exec(
      `WITH RECURSIVE n (i) AS (SELECT coalesce(max(seq) + 1, 0) FROM log UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)
        INSERT INTO log SELECT i, 'jti', 'x' || i, NULL, ?, 'revoked', x'', 1 FROM n`, length, until);
  }

  /** What a record adds. Returns what went wrong. */
  adds(lines) {
    return this.add([lines], {}).then(() => null, (error) => error.message);
  }

  /** Adds entries that ended long ago. */
  fill(entries) {
    const { sql } = this.ctx.storage;
    const [{ length }] = sql.exec("SELECT coalesce(max(seq) + 1, 0) AS length FROM log").toArray();
    const [{ entry }] = sql.exec("SELECT entry FROM log LIMIT 1").toArray();
    for (let n = length; n < length + entries; n++) {
      // Each has a hash of its own, its first eight bytes.
      const bytes = new Uint8Array(entry.slice(0));
      new DataView(bytes.buffer).setBigUint64(0, BigInt(n + 1) * 0x9e3779b97f4a7c15n & 0xffffffffffffffffn);
      sql.exec("INSERT INTO log VALUES (?, 'jti', ?, NULL, 1, 'revoked', ?, 1)", n, `ended-${n}`, bytes);
    }
  }
}

/** A record, and what befalls it. */
export class Record extends UploadedRecord {
  apply(command) {
    this.commands = (this.commands ?? 0) + 1;
    return super.apply(command);
  }

  /** How many commands it got. */
  counted() {
    return this.commands ?? 0;
  }

  /** What is stored. */
  stored() {
    return this.ctx.storage.kv.get("record") ?? null;
  }

  /** Writes to the store as others could: replaces a text in the record by one of the same length. */
  swap(text, other) {
    const latin = (bytes) => String.fromCharCode(...bytes);
    const record = latin(this.stored());
    const swapped = Uint8Array.from(record.replace(text, other), (char) => char.charCodeAt(0));
    this.ctx.storage.kv.put("record", swapped);
    return record.includes(text);
  }

  /** Writes a record of another version. */
  spoil() {
    const record = this.stored();
    record[0] = 99;
    this.ctx.storage.kv.put("record", record);
  }

  /** Cuts it off from the denylist. */
  cutOff(isCutOff) {
    this.own ??= this.env;
    this.env = isCutOff ? { ...this.own, DENYLIST: denylist() } : this.own;
  }

  /** Lets the alarm ring. */
  ring() {
    return this.alarm();
  }

  /** The alarm rings by the real clock. */
  wake(until) {
    return super.wake(until - Date.now() + realNow());
  }
}

const realNow = Date.now;
let now;
let ahead = 0; // milliseconds, where a request does not say what time it is
Date.now = () => now ?? realNow() + ahead;

// Since the last look at them, and all of them.
const lines = [];
const output = [];
for (const level of ["debug", "error", "info", "log", "warn"]) {
  console[level] = (...words) => {
    const [line] = words;
    const written = /^\{.*\}$/.test(line) ? line : JSON.stringify({ console: words.map(shown) });
    lines.push(written);
    output.push(written);
  };
}

/** A word as the platform's log would show it: an error with all that it says. */
const shown = (word) => (word instanceof Error ? `${word} ${word.stack}` : String(word));

let asked = ""; // the URL of the last request

// What a test may put in the place of a binding, by the name that it gives as its value.
const standIns = {
  "a bucket that fails": () =>
    new (class R2Bucket {
      get() {
        return Promise.reject(new Error("no store"));
      }
      head() {
        return this.get();
      }
    })(),
  // More than the memory of the wasm instance takes: it traps.
  "a bucket that exhausts memory": () =>
    new (class R2Bucket {
      get() {
        const httpMetadata = { contentType: `${asked}${"x".repeat(150 * 2 ** 20)}` };
        return Promise.resolve({ size: 1, httpEtag: '"a"', uploaded: new Date(0), httpMetadata });
      }
      head() {
        return this.get();
      }
    })(),
  "a denylist that fails": () => denylist(() => Promise.reject(new Error("no answer"))),
  // An empty log, as the object encodes it, and then nothing.
  "a denylist that fails later": () => {
    const update = new Uint8Array(44);
    update.set(new TextEncoder().encode("PGL\x01"));
    let answers = 1;
    return denylist(() => (answers-- > 0 ? Promise.resolve({ update, end: 0, isFull: false }) : Promise.reject(new Error("down"))));
  },
  "a denylist that never answers": () => denylist(() => new Promise(() => {})),
  "a denylist that talks rubbish": () => denylist(() => Promise.resolve({ update: new TextEncoder().encode("rubbish"), end: 0, isFull: false })),
  "records that fail": () => ({ getByName: () => ({ apply: () => Promise.reject(new Error("no answer")) }) }),
  "records that never answer": () => ({ getByName: () => ({ apply: () => new Promise(() => {}) }) }),
  "records that talk rubbish": () => ({ getByName: () => ({ apply: () => Promise.resolve(new TextEncoder().encode("rubbish")) }) }),
  "an object without a constructor": () => Object.create(null),
  "a data set": () => ({
    writeDataPoint: (point) => lines.push(JSON.stringify({ point })),
  }),
  "a data set that is full": () => ({
    writeDataPoint() {
      throw new Error("too many points");
    },
  }),
};

const denylist = (since) => ({ getByName: () => ({ since }) });

// One object for each set of variables: the Worker reads an environment once.
const environments = new Map();
function environment(env, text) {
  if (!text) return env;
  if (!environments.has(text)) {
    const entries = Object.entries({ ...env, ...JSON.parse(text) })
      .filter(([, value]) => value !== null)
      .map(([name, value]) => [name, standIns[value]?.() ?? value]);
    environments.set(text, Object.fromEntries(entries));
  }
  return environments.get(text);
}

export default {
  fetch(request, env, context) {
    const told = (name) => request.headers.get(`x-test-${name}`);
    if (told("log")) return Response.json(lines.splice(0));
    if (told("output")) return Response.json(output);
    if (told("object")) {
      now = told("now") ? Number(told("now")) : undefined;
      const [method, ...words] = JSON.parse(told("object"));
      const home = told("record") ? env.RECORDS.getByName(told("record")) : env.DENYLIST.getByName("denylist");
      return home[method](...words).then((result) => Response.json(result ?? null));
    }
    if (told("say")) return new Response(console.log(told("say")));
    // workers-rs counts its instances.
    if (told("instance")) return Response.json(globalThis.__worker_init_state.instanceId);
    if (told("ahead")) {
      ahead = Number(told("ahead"));
      return new Response();
    }
    // A player tells nothing: its requests come as they are, now.
    const url = told("scheme") ? request.url.replace(/^https?/, told("scheme")) : request.url;
    if (told("seen")) return new Response(url);
    asked = url;
    now = told("now") ? Number(told("now")) : undefined;
    const headers = new Headers(request.headers);
    for (const name of [...headers.keys()]) {
      if (/^(x-test|mf|cf)-/.test(name)) headers.delete(name);
    }
    if (told("ip")) headers.set("CF-Connecting-IP", told("ip"));
    const cf = told("country") ? { country: told("country") } : {};
    return worker.fetch(
      new Request(new Request(url, request), { headers, cf }),
      environment(env, told("env")),
      context,
    );
  },
};
