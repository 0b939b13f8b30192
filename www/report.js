// Draws a report of the core: the seven checks as gates, the signing input, hints and fields.

const $ = (selector) => document.querySelector(selector);

// A gate seen from above: its leaves are open (passed), or closed and barred (failed), or only its
// posts are drawn (skipped). The shapes differ without colour.
const POST = "a2.500 2.500 0 1 0 5 0a2.500 2.500 0 1 0-5 0";
const POSTS = `M6.500 16${POST}M28.500 16${POST}`;
const LEAVES = {
  passed: "M9 17l4 9M31 17l-4 9",
  failed: "M9 16h22M16 12l8 8M24 12l-8 8",
  skipped: "",
};

function gate(outcome) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 40 32");
  svg.setAttribute("aria-hidden", "true");
  for (const [name, shape] of [["leaves", LEAVES[outcome]], ["posts", POSTS]]) {
    const path = document.createElementNS(svg.namespaceURI, "path");
    path.setAttribute("class", name);
    path.setAttribute("d", shape ?? "");
    svg.append(path);
  }
  return svg;
}

function element(name, className, text) {
  return Object.assign(document.createElement(name), { className, textContent: text });
}

// The core writes names between backticks.
function prose(element, text) {
  if (element.dataset.text === text) return;
  element.dataset.text = text;
  element.replaceChildren(...text.split("`").map((piece, i) =>
    i % 2 ? Object.assign(document.createElement("code"), { textContent: piece }) : piece));
}

/** Updates the sentence of each check: the one on times changes every second. */
export function showDetails(report) {
  document.querySelectorAll("#checks .detail").forEach((element, i) => {
    const { outcome, detail } = report.checks[i];
    prose(element, outcome === "skipped" && report.verdict === "deny" ? "" : detail);
  });
}

function row(field, fault) {
  const row = document.createElement("tr");
  const name = element("th", "", field.name);
  name.scope = "row";
  name.dataset.field = field.name;
  const meaning = element("td", "", "");
  prose(meaning, field.meaning);
  row.append(name, element("td", "value", field.value), meaning);
  if (fault) row.dataset.fault = "";
  return row;
}

// A heading in the table, such as the one above the rows of a JWT's header.
function headline(text) {
  const row = document.createElement("tr");
  row.append(Object.assign(element("th", "", text), { colSpan: 3, scope: "rowgroup" }));
  return row;
}

/**
 * Shows a report, or clears the last one. For a JWT, `jwt` has the number of `members` in its header and the
 * name of the `claim` that the gate turns into a directory.
 */
export function showReport(report, jwt) {
  $("#checks").replaceChildren(...(report?.checks ?? []).map((check) => {
    const item = document.createElement("li");
    item.dataset.check = check.name;
    item.dataset.outcome = check.outcome;
    const words = element("div", "words", "");
    const name = element("p", "name", check.name);
    name.prepend(element("span", "number", String(check.number)));
    words.append(name, element("p", "detail", ""));
    item.append(gate(check.outcome), words, element("span", "outcome", check.outcome));
    return item;
  }));
  if (report) showDetails(report);

  const end = $("#end-of-road");
  end.dataset.verdict = report?.verdict ?? "";
  end.textContent = !report ? "" : report.verdict === "allow"
    ? `Admitted: the edge serves ${report.path}` : "Refused: the edge serves nothing.";

  $("#signing-input").textContent = report?.signing_input ?? "None: the token cannot be read.";

  $("#hints").replaceChildren(...(report?.hints ?? []).map((hint) => {
    const line = element("p", "hint-line", "");
    prose(line, hint);
    return line;
  }));

  const fault = report?.field === "claim" ? jwt?.claim : report?.field;
  const rows = (report?.fields ?? []).map((field) => row(field, field.name === fault));
  if (jwt && rows.length) {
    if (report.fields.at(-1).name === "sig") rows.splice(-1, 0, headline("signature"));
    rows.splice(jwt.members, 0, headline("payload"));
    if (jwt.members) rows.unshift(headline("header"));
  }
  $("#fields tbody").replaceChildren(...rows);
}
