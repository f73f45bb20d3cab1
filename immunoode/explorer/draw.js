// Panels as SVG, drawn from arrays. No library, no network; the same code draws in the widget and in a saved page.

const LINE_STYLES = ["", "7 4", "7 3 1.5 3", "1.5 3"];
const MONTH = 30.4375;
const HEIGHT = 210; // of a drawing, in pixels
const FLAT = 0.05; // pixels by which a line may pass a point that is left out of it
const SUPERSCRIPTS = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

function decodeArray(text) {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length); // in a plain loop: Uint8Array.from with a function takes ten times as long
  for (let k = 0; k < bytes.length; k += 1) bytes[k] = characters.charCodeAt(k);
  return new Float32Array(bytes.buffer);
}

function decodePanels(message) {
  const days = message.days.map(decodeArray);
  const panels = message.panels.map((panel) => ({
    ...panel,
    series: panel.series.map((s) => ({ ...s, days: days[s.days], values: decodeArray(s.values) })),
  }));
  return { ...message, panels };
}

function escapeText(text) {
  return String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text; // the same text again would be laid out again
}

function lineStyle(regimen) {
  // One dash pattern per regimen, so that lines differ without colour too.
  return `class="imo-line imo-colour-${regimen % 7}" stroke-dasharray="${LINE_STYLES[regimen % LINE_STYLES.length]}"`;
}

function powerOfTen(exponent) {
  return "10" + String(exponent).replace(/./g, (c) => SUPERSCRIPTS[c]);
}

function numberText(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) {
    const exponent = Math.floor(Math.log10(size) + 1e-12);
    const digits = Number((value / 10 ** exponent).toPrecision(3));
    return `${digits === 1 ? "" : digits + "×"}${powerOfTen(exponent)}`.replace("-", "−");
  }
  return String(Number(value.toPrecision(3))).replace("-", "−");
}

function niceTicks(low, high, about) {
  const raw = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((m) => m * power >= raw * 0.999);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k += 1) ticks.push(k * step);
  return ticks;
}

function timeTicks(first, last, about) {
  const span = last - first;
  let [unit, name] = [1, "days"];
  if (span > 8 * 7) [unit, name] = span <= 60 * 7 ? [7, "weeks"] : [MONTH, "months"];
  const every = [1, 2, 3, 4, 6, 8, 12, 13, 26, 52, 104, 208].find((e) => span / unit / e <= about) ?? 520;
  const step = unit === 1 ? niceTicks(0, span, about)[1] || 1 : every;
  const ticks = [];
  for (let k = Math.ceil(first / unit / step - 1e-9); k * step * unit <= last + 1e-9; k += 1) ticks.push(k * step);
  return { ticks: ticks.map((k) => [k * unit, numberText(k)]), name };
}

function isWide(panel) {
  // Whether positive values span so much that only a logarithmic axis shows them.
  if (panel.kind === "size" || panel.kind === "survival") return false;
  let [low, high] = [Infinity, 0];
  for (const s of panel.series) {
    for (const v of s.values) {
      if (v > 0 && v < low) low = v;
      if (v > high) high = v;
    }
  }
  return high > 1e3 * low;
}

function valueRange(panel, log) {
  if (panel.kind === "survival") return [0, 1];
  let [low, high] = [Infinity, -Infinity];
  for (const s of panel.series) {
    if (s.reference) continue;
    for (const v of s.values) {
      if (!Number.isFinite(v) || (log && v <= 0)) continue;
      if (v < low) low = v;
      if (v > high) high = v;
    }
  }
  if (!Number.isFinite(low)) return log ? [0.1, 1] : [0, 1];
  if (log) {
    low = Math.max(low, high * 1e-10);
    return high > low ? [low / (high / low) ** 0.03, high * (high / low) ** 0.04] : [low / 2, high * 2];
  }
  low = low < 0 ? low : 0;
  return high > low ? [low, high + 0.06 * (high - low)] : [low, low + 1];
}

function valueTicks(low, high, log, panel) {
  if (panel.kind === "survival") return [0, 0.25, 0.5, 0.75, 1].map((v) => [v, `${v * 100} %`]);
  if (!log) return niceTicks(low, high, 5).map((v) => [v, numberText(v)]);
  const [from, to] = [Math.ceil(Math.log10(low)), Math.floor(Math.log10(high))];
  if (to - from < 1) return niceTicks(low, high, 5).filter((v) => v > 0).map((v) => [v, numberText(v)]);
  const every = Math.max(1, Math.ceil((to - from + 1) / 6));
  const ticks = [];
  for (let k = from; k <= to; k += every) ticks.push([10 ** k, powerOfTen(k)]);
  return ticks;
}

function stepPath(series, x, y) {
  let path = "";
  let before = null;
  for (let k = 0; k < series.days.length; k += 1) {
    const level = y(series.values[k]);
    if (!Number.isFinite(level)) {
      before = null;
      continue;
    }
    const [at, height] = [x(series.days[k]).toFixed(1), level.toFixed(1)];
    path += before === null ? `M${at} ${height}` : `L${at} ${before}L${at} ${height}`;
    before = height;
  }
  return path;
}

function linePath(series, x, y) {
  // Points that the line passes anyway are left out. `low` and `high` are the slopes from the last point drawn, `from`, which
  // pass all points since, of which `last` is the last one.
  let path = "";
  let [from, last, low, high] = [null, null, 0, 0];
  const draw = (letter, point) => {
    path += `${letter}${point.at.toFixed(1)} ${point.level.toFixed(1)}`;
    [from, last, low, high] = [point, null, -Infinity, Infinity];
  };
  for (let k = 0; k < series.days.length; k += 1) {
    const point = { at: x(series.days[k]), level: y(series.values[k]) };
    if (!Number.isFinite(point.level)) {
      if (last) draw("L", last);
      from = null;
      continue;
    }
    if (!from) {
      draw("M", point);
      continue;
    }
    const slope = (point.level - from.level) / (point.at - from.at);
    if (last && !(slope >= low && slope <= high)) draw("L", last);
    low = Math.max(low, (point.level - FLAT - from.level) / (point.at - from.at));
    high = Math.min(high, (point.level + FLAT - from.level) / (point.at - from.at));
    last = point;
  }
  if (last) draw("L", last);
  return path;
}

function pathOf(series, x, y) {
  return series.steps ? stepPath(series, x, y) : linePath(series, x, y);
}

function lastKnown(values) {
  for (let k = values.length - 1; k >= 0; k -= 1) if (Number.isFinite(values[k])) return values[k];
  return NaN;
}

function panelLabel(panel, regimens) {
  const unit = panel.unit ? ` (${panel.unit})` : "";
  const ends = panel.series
    .filter((s) => !s.reference && s.values.length)
    .map((s) => `${regimens[s.regimen]} from ${numberText(s.values[0])} to ${numberText(lastKnown(s.values))}`);
  return `${panel.title}${unit}: ${ends.join("; ") || "nothing to show"}`;
}

function panelFrame(panel, span, width, height, log) {
  const box = { left: 52, right: width - 10, top: 10, bottom: height - 34 };
  const [low, high] = valueRange(panel, log);
  const scale = log ? Math.log10 : (v) => v;
  const [a, b] = [scale(low), scale(high)];
  const x = (day) => box.left + ((day - span[0]) / (span[1] - span[0])) * (box.right - box.left);
  const y = (v) => (log && v <= 0 ? NaN : box.bottom - ((scale(v) - a) / (b - a)) * (box.bottom - box.top));
  return { box, low, high, x, y };
}

function gridOf(panel, span, frame, log) {
  const { box, low, high, x, y } = frame;
  const parts = [];
  for (const [v, text] of valueTicks(low, high, log, panel)) {
    const at = y(v).toFixed(1);
    parts.push(`<line class="imo-grid" x1="${box.left}" x2="${box.right}" y1="${at}" y2="${at}"/>`);
    parts.push(`<text x="${box.left - 6}" y="${at}" dy="0.32em" text-anchor="end">${text}</text>`);
  }
  const { ticks, name } = timeTicks(span[0], span[1], Math.max(3, Math.floor((box.right - box.left) / 32)));
  for (const [day, text] of ticks) {
    const at = x(day).toFixed(1);
    parts.push(`<line class="imo-axis" x1="${at}" x2="${at}" y1="${box.bottom}" y2="${box.bottom + 4}"/>`);
    parts.push(`<text x="${at}" y="${box.bottom + 15}" text-anchor="middle">${text}</text>`);
  }
  const middle = (box.left + box.right) / 2;
  parts.push(`<text x="${middle}" y="${box.bottom + 29}" text-anchor="middle">time (${name})</text>`);
  parts.push(`<line class="imo-axis" x1="${box.left}" x2="${box.right}" y1="${box.bottom}" y2="${box.bottom}"/>`);
  return parts.join("");
}

function svgParts(panel, message, width, height, log, id) {
  // The parts of a drawing, for `showSvg`.
  const frame = panelFrame(panel, message.span, width, height, log);
  const { box, x, y } = frame;
  const lines = panel.series.map((s) => {
    const kind = s.reference ? `class="imo-reference imo-${s.reference} imo-colour-${s.regimen % 7}"` : lineStyle(s.regimen);
    return { start: `<path ${kind}`, path: pathOf(s, x, y) };
  });
  const clip = `<clipPath id="${id}"><rect x="${box.left}" y="${box.top - 3}" width="${box.right - box.left}" height="${box.bottom - box.top + 4}"/></clipPath>`;
  return {
    empty:
      `<svg xmlns="http://www.w3.org/2000/svg" role="img" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${clip}` +
      `<g class="imo-frame"></g><g class="imo-lines" clip-path="url(#${id})"></g><g class="imo-readout"></g></svg>`,
    label: panelLabel(panel, message.regimens),
    grid: gridOf(panel, message.span, frame, log),
    lines,
  };
}

function showSvg(host, parts, shown) {
  // Replace what differs from what the host shows.
  const before = parts.empty === shown?.empty ? shown : {};
  if (!before.empty) host.innerHTML = parts.empty;
  const svg = host.firstChild;
  if (parts.label !== before.label) svg.setAttribute("aria-label", parts.label);
  if (parts.grid !== before.grid) svg.querySelector(".imo-frame").innerHTML = parts.grid;
  showLines(svg.querySelector(".imo-lines"), parts.lines, before.lines ?? []);
}

function showLines(host, lines, shown) {
  const starts = (given) => given.map((line) => line.start).join();
  if (starts(lines) !== starts(shown)) host.innerHTML = lines.map(({ start, path }) => `${start} d="${path}"/>`).join("");
  else lines.forEach((line, k) => line.path === shown[k].path || host.children[k].setAttribute("d", line.path));
}

function legendHtml(regimens, hasLimits) {
  const entries = regimens.map(
    (name, k) => `<span class="imo-entry"><svg width="34" height="10" aria-hidden="true"><line ${lineStyle(k)} x1="1" x2="33" y1="5" y2="5"/></svg>${escapeText(name)}</span>`,
  );
  const limit = (kind, text) =>
    `<span class="imo-entry"><svg width="34" height="10" aria-hidden="true"><line class="imo-reference imo-${kind}" x1="1" x2="33" y1="5" y2="5"/></svg>${text}</span>`;
  if (hasLimits) {
    entries.push(limit("progression", "RECIST progression: nadir + 20 % and + 5 mm"));
    entries.push(limit("response", "RECIST response: baseline − 30 %"));
  }
  return entries.join("");
}

function nearestIndex(days, day) {
  let [low, high] = [0, days.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (days[middle] <= day) low = middle;
    else high = middle;
  }
  return days[high] !== undefined && Math.abs(days[high] - day) < Math.abs(days[low] - day) ? high : low;
}

function readoutText(panel, message, day) {
  // The values of all regimens at a day, as lines of text; a survival curve has the value of its last step.
  return panel.series
    .filter((s) => !s.reference && s.days.length)
    .map((s) => {
      let k = nearestIndex(s.days, day);
      if (s.steps && s.days[k] > day && k > 0) k -= 1;
      const value = panel.kind === "survival" ? `${Math.round(100 * s.values[k])} %` : numberText(s.values[k]);
      return [s.regimen, `${message.regimens[s.regimen]}: ${value}${panel.kind === "survival" ? "" : " " + panel.unit}`];
    });
}

function createPanels(host) {
  // The panels of one page: `draw` redraws all of them from a decoded message.
  const cards = new Map();
  const scales = new Map();
  let message = null;
  let measured = 0; // the width of the host for which the widths of the panels are known
  const key = Math.random().toString(36).slice(2, 8);

  function card(panel) {
    if (cards.has(panel.name)) return cards.get(panel.name);
    const root = document.createElement("figure");
    root.className = `imo-panel imo-kind-${panel.kind}`;
    root.dataset.panel = panel.name;
    root.innerHTML =
      '<figcaption><span class="imo-title"></span><button type="button" class="imo-scale"></button></figcaption>' +
      '<div class="imo-drawing"></div><ul class="imo-notes"></ul>';
    const made = {
      root,
      title: root.querySelector(".imo-title"),
      scale: root.querySelector(".imo-scale"),
      drawing: root.querySelector(".imo-drawing"),
      notes: root.querySelector(".imo-notes"),
    };
    made.scale.addEventListener("click", () => {
      scales.set(panel.name, made.scale.dataset.log !== "1");
      draw(message);
    });
    made.drawing.addEventListener("pointermove", (event) => showReadout(panel.name, event));
    made.drawing.addEventListener("pointerleave", () => hideReadout(made));
    cards.set(panel.name, made);
    return made;
  }

  function showReadout(name, event) {
    const panel = message?.panels.find((p) => p.name === name);
    const { drawing } = cards.get(name);
    const svg = drawing.querySelector("svg");
    if (!panel || !svg || !panel.series.length) return;
    const bounds = svg.getBoundingClientRect();
    const width = bounds.width;
    const { box, x } = panelFrame(panel, message.span, width, bounds.height, cards.get(name).scale.dataset.log === "1");
    const share = (event.clientX - bounds.left - box.left) / (box.right - box.left);
    const target = svg.querySelector(".imo-readout");
    if (share < 0 || share > 1) return hideReadout(cards.get(name));
    const day = message.span[0] + share * (message.span[1] - message.span[0]);
    const lines = [[null, `day ${Math.round(day)}`], ...readoutText(panel, message, day)];
    const left = share > 0.55 ? box.left + 6 : box.right - 6;
    const anchor = share > 0.55 ? "start" : "end";
    target.innerHTML =
      `<line x1="${x(day)}" x2="${x(day)}" y1="${box.top}" y2="${box.bottom}"/>` +
      lines.map(([k, text], i) => `<text x="${left}" y="${box.top + 10 + 14 * i}" text-anchor="${anchor}" class="${k === null ? "" : `imo-text-${k % 7}`}">${escapeText(text)}</text>`).join("");
  }

  function hideReadout(made) {
    const target = made.drawing.querySelector(".imo-readout");
    if (target) target.innerHTML = "";
  }

  function drawOne(panel) {
    const made = card(panel);
    const log = scales.has(panel.name) ? scales.get(panel.name) : isWide(panel);
    setText(made.title, panel.title + (panel.unit ? ` (${panel.unit})` : ""));
    made.scale.hidden = panel.kind === "survival" || !panel.series.length;
    made.scale.dataset.log = log ? "1" : "0";
    setText(made.scale, log ? "log scale" : "linear scale");
    made.scale.setAttribute("aria-label", `${panel.title}: ${log ? "logarithmic" : "linear"} scale; press to change`);
    const parts = panel.series.length ? svgParts(panel, message, made.width, HEIGHT, log, `imo-${key}-${panel.name}`) : null;
    if (parts) showSvg(made.drawing, parts, made.parts);
    else made.drawing.replaceChildren();
    made.parts = parts;
    const notes = panel.notes.map((note) => `<li>${escapeText(note)}</li>`).join("");
    if (made.told !== notes) made.notes.innerHTML = made.told = notes;
    return made.root;
  }

  function draw(found) {
    if (!found) return;
    message = found;
    const shown = message.panels.map((panel) => card(panel).root);
    const changed = shown.length !== host.children.length || shown.some((root, k) => host.children[k] !== root);
    if (changed) host.replaceChildren(...shown);
    if (changed || !measured) measure();
    message.panels.forEach(drawOne);
  }

  function measure() {
    // All widths before anything is drawn: to read one after a change of the page makes the browser lay all of it out at once.
    measured = host.clientWidth;
    for (const made of cards.values()) made.width = Math.max(240, made.drawing.clientWidth || 360);
  }

  const observer = new ResizeObserver(() => {
    if (host.clientWidth === measured) return;
    measured = 0;
    draw(message);
  });
  observer.observe(host);
  return { draw, disconnect: () => observer.disconnect() };
}

function summaryHtml(summary) {
  if (!summary.rows.length) return "";
  const head = summary.columns.map((text) => `<th scope="col">${escapeText(text)}</th>`).join("");
  const rows = summary.rows.map(([name, ...cells]) => `<tr><th scope="row">${escapeText(name)}</th>${cells.map((c) => `<td>${escapeText(c)}</td>`).join("")}</tr>`);
  return `<table><thead><tr><th scope="col">regimen</th>${head}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

function pixelOf(colour) {
  // Red, green, blue and alpha from 0 to 255 of any colour of CSS, oklch() and color() too.
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  return context.getImageData(0, 0, 1, 1).data;
}

function isDark(element) {
  // By the background that the element really has, whatever the host calls its themes.
  for (let node = element; node; node = node.parentElement || node.getRootNode()?.host) {
    const [red, green, blue, alpha] = pixelOf(getComputedStyle(node).backgroundColor);
    if (alpha > 127) return 0.299 * red + 0.587 * green + 0.114 * blue < 128;
  }
  const scheme = getComputedStyle(document.documentElement).colorScheme;
  return scheme.includes("dark") && window.matchMedia("(prefers-color-scheme: dark)").matches;
}

function followTheme(root) {
  const apply = () => {
    root.dataset.theme = isDark(root.parentElement || document.body) ? "dark" : "light";
  };
  apply();
  const observer = new MutationObserver(apply);
  for (const node of [document.documentElement, document.body]) observer.observe(node, { attributes: true });
  const query = window.matchMedia("(prefers-color-scheme: dark)");
  query.addEventListener("change", apply);
  return () => {
    observer.disconnect();
    query.removeEventListener("change", apply);
  };
}
