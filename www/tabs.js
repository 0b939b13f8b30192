// "Sign in ten lines": one tab for each language. A tab loads its text when it is chosen.

export function tabs({ list, panel, chosen, save }) {
  const all = [...list.querySelectorAll("[role=tab]")];
  const code = panel.querySelector("pre");

  async function choose(tab, focus) {
    for (const other of all) {
      other.setAttribute("aria-selected", String(other === tab));
      other.tabIndex = other === tab ? 0 : -1;
    }
    if (focus) tab.focus();
    panel.setAttribute("aria-labelledby", tab.id);
    const { file } = tab.dataset;
    save(file);
    const answer = await fetch(`signers/${file}`).catch(() => null);
    const text = answer?.ok ? await answer.text() : `signers/${file} could not be loaded. Reload this page.`;
    if (tab.getAttribute("aria-selected") === "true") code.textContent = text.trimEnd();
  }

  list.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) choose(tab, false);
  });
  list.addEventListener("keydown", (event) => {
    const at = all.indexOf(event.target);
    const to = {
      ArrowRight: (at + 1) % all.length,
      ArrowLeft: (at + all.length - 1) % all.length,
      Home: 0,
      End: all.length - 1,
    }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    choose(all[to], true);
  });
  choose(all.find((tab) => tab.dataset.file === chosen) ?? all[0], false);
}
