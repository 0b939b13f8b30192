// Draws the validity of a link as a line from `not before` to `expires`, with the current time on it.

/** Spells a number of seconds: 42 s, 9 min 42 s, 4 h 10 min, 3 d 2 h. */
export function spell(seconds) {
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  let rest = Math.abs(Math.round(seconds));
  const first = units.findIndex(([, size]) => rest >= size);
  if (first < 0) return "0 s";
  return units.slice(first, first + 2).map(([name, size]) => {
    const count = Math.floor(rest / size);
    rest %= size;
    return count ? `${count} ${name}` : "";
  }).filter(Boolean).join(" ");
}

/** A local clock time, with the date if it is not today. */
export function clock(unix, now = Date.now() / 1000) {
  const date = new Date(unix * 1000);
  if (Number.isNaN(date.getTime())) return String(unix);
  const time = date.toLocaleTimeString("en-GB");
  const today = new Date(now * 1000).toDateString() === date.toDateString();
  return today ? time : `${date.toLocaleDateString("en-CA")} ${time}`;
}

/** Prepares the line inside `root`. The returned function draws it for a report and a time. */
export function timeline(root, text) {
  const [track, valid, start, end, needle] = ["track", "valid", "start", "end", "needle"].map(
    (className) => root.appendChild(Object.assign(document.createElement("span"), { className })),
  );
  needle.dataset.label = "now";
  let shown = { key: "", since: 0 };

  return function draw(report, now) {
    const from = report?.not_before ?? null;
    const until = report?.expires ?? null;
    root.dataset.empty = until === null;
    if (until === null) {
      text.textContent = "This link has no readable expiry.";
      return;
    }
    // If no start is signed, the line starts when the page first saw the link.
    const key = `${from} ${until}`;
    if (shown.key !== key) shown = { key, since: now };
    const low = Math.min(from ?? until - 1, shown.since, now);
    const high = Math.max(from ?? 0, until, now);
    const pad = (high - low) * 0.08 || 1;
    const place = (unix) => `${((unix - low + pad) / (high - low + 2 * pad)) * 100}%`;

    valid.style.left = from === null ? "0%" : place(from);
    valid.style.right = `calc(100% - ${place(until)})`;
    start.hidden = from === null;
    start.style.left = place(from ?? low);
    start.dataset.label = "nbf";
    end.style.left = place(until);
    end.dataset.label = "exp";
    needle.style.left = place(now);
    root.dataset.phase = now >= until ? "after" : from > now ? "before" : "within";
    track.dataset.open = from === null;
    // Unless the signature matches, the times are unverified claims of the link.
    const proven = report.checks.find(({ name }) => name === "signature")?.outcome === "passed";
    root.dataset.proven = String(proven);

    const begins = from === null ? "" : `From ${clock(from, now)}, ` +
      (now < from ? `in ${spell(from - now)}. ` : `${spell(now - from)} ago. `);
    const ends = now < until ? `in ${spell(until - now)}.` : `${spell(now - until)} ago.`;
    const claim = proven ? "" : "Claimed, not proven. ";
    text.textContent = `${claim}${begins}Until ${clock(until, now)}, ${ends}`;
  };
}
