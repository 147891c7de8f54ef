"use strict";
// The browser of segments. It writes text nodes only, so markup in a text is shown and never read as markup.
(function () {
  const PAGE = 30;
  const holder = document.getElementById("data");
  if (!holder) return;
  const data = JSON.parse(holder.textContent);
  const main = data.scores[data.main];
  const segments = main[0].length;
  const factors = data.columns.filter((key) => key !== data.main || data.columns.length === 1);
  const control = (id) => document.getElementById(id);
  const cards = control("cards");
  let found = [];
  let shown = 0;

  const add = (parent, tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    parent.append(element);
    return element;
  };

  const option = (select, value, text) => {
    const element = add(select, "option", "", text);
    element.value = value;
  };

  const pattern = (() => {
    const escape = (word) => word.replace(/[.*+?^{}()|[\]\\]/g, "\\$&");
    const parts = data.masked.map((word) =>
      word.endsWith("$") ? escape(word.slice(0, -1)) + "(?![\\p{L}\\p{N}])" : escape(word) + "[\\p{L}\\p{N}]*");
    return parts.length ? new RegExp("(?<![\\p{L}\\p{N}])(?:" + parts.join("|") + ")", "giu") : null;
  })();

  const masked = (text) => {
    if (!pattern || !control("mask").checked) return text;
    return text.replace(pattern, (word) => word[0] + "•".repeat(Math.max(word.length - 1, 1)));
  };

  const output = (system, index) => (data.predictions && data.predictions[system] ? data.predictions[system][index] : null);

  // Lower-cased texts are made once per segment and system, when they are first searched.
  const haystacks = new Map();
  const haystack = (system, index) => {
    const key = system * segments + index;
    let text = haystacks.get(key);
    if (text === undefined) {
      const references = data.references ? data.references[index] : [];
      const parts = [data.sources ? data.sources[index] : "", output(system, index) || "", ...references];
      text = parts.join("\n").toLowerCase();
      haystacks.set(key, text);
    }
    return text;
  };

  const gaps = () => Array.from({ length: segments }, (_, index) => {
    const values = main.map((column) => column[index]);
    return Math.max(...values) - Math.min(...values);
  });

  const failed = (factor, system, index) => data.scores[factor][system][index] < data.failedBelow;

  const keeps = (factor, system, index) => {
    if (factor === "") return true;
    if (factor === "none") return !factors.some((key) => failed(key, system, index));
    return failed(factor, system, index);
  };

  const select = () => {
    const chosen = control("system").value;
    const factor = control("factor").value;
    const wanted = control("search").value.trim().toLowerCase();
    found = [];
    for (let index = 0; index < segments; index += 1) {
      for (let system = 0; system < main.length; system += 1) {
        if (chosen !== "" && Number(chosen) !== system) continue;
        if (!keeps(factor, system, index)) continue;
        if (wanted && !haystack(system, index).includes(wanted)) continue;
        found.push([index, system]);
      }
    }
    sort(control("order").value);
  };

  const sort = (order) => {
    const score = ([index, system]) => main[system][index];
    if (order === "worst") found.sort((a, b) => score(a) - score(b));
    if (order === "best") found.sort((a, b) => score(b) - score(a));
    if (order === "gap") {
      const widths = gaps();
      found.sort((a, b) => widths[b[0]] - widths[a[0]] || a[0] - b[0] || score(a) - score(b));
    }
  };

  const line = (list, label, text, className) => {
    add(list, "dt", "", label);
    const shownText = text.trim() === "" ? "(blank)" : masked(text);
    const element = add(list, "dd", text.trim() === "" ? "blank" : className, shownText);
    element.dir = "auto";
  };

  const meter = (list, key, system, index) => {
    const value = data.scores[key][system][index];
    const item = add(list, "li", factors.includes(key) && value < data.failedBelow ? "failed" : "");
    add(item, "span", "", data.labels[key] + " " + value.toFixed(3));
    const bar = add(add(item, "span", "fill"), "i");
    bar.style.width = 100 * Math.min(Math.max(value, 0), 1) + "%";
  };

  const card = ([index, system]) => {
    const item = add(cards, "li", "card");
    const head = add(item, "p", "head");
    const who = add(head, "span", "who");
    add(who, "span", "swatch series-" + (system % 8 + 1));
    add(who, "bdi", "", data.systems[system]);
    const language = data.languages ? " · " + data.languages[index] : "";
    add(head, "span", "number", "segment " + (index + 1) + language);
    const list = add(item, "dl");
    if (data.sources) line(list, "Source", data.sources[index], "");
    const text = output(system, index);
    if (text !== null) line(list, "Output", text, "out");
    if (data.references) data.references[index].forEach((reference) => line(list, "Reference", reference, ""));
    const meters = add(item, "ul", "meters");
    data.columns.forEach((key) => meter(meters, key, system, index));
  };

  const more = () => {
    const end = Math.min(shown + PAGE, found.length);
    for (; shown < end; shown += 1) card(found[shown]);
    control("more").hidden = shown >= found.length;
    const total = found.length.toLocaleString("en");
    control("count").textContent = found.length
      ? "Showing " + shown.toLocaleString("en") + " of " + total + " outputs. A factor fails below " + data.failedBelow + "."
      : "No output matches.";
  };

  const refresh = () => {
    select();
    cards.replaceChildren();
    shown = 0;
    more();
  };

  let waiting = 0;
  const later = () => {
    clearTimeout(waiting);
    waiting = setTimeout(refresh, 150);
  };

  data.systems.forEach((name, system) => option(control("system"), system, name));
  factors.forEach((key) => option(control("factor"), key, data.labels[key]));
  option(control("factor"), "none", "none failed");
  ["system", "factor", "order", "mask"].forEach((id) => control(id).addEventListener("change", refresh));
  control("search").addEventListener("input", later);
  control("controls").addEventListener("submit", (event) => event.preventDefault());
  control("more").addEventListener("click", more);
  refresh();
})();
