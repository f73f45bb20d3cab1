// The widget: sliders, rows, panels and exports around a kernel that answers with arrays.

const PATIENCE = 15000; // milliseconds after which a request without an answer is given up

function skeleton(opening) {
  const root = document.createElement("div");
  root.className = "imo-explorer";
  root.innerHTML =
    `<header><h2>${escapeText(opening.title)}</h2><div class="imo-tools" role="toolbar" aria-label="explorer">` +
    '<label>until <input type="text" class="imo-until" size="8"></label>' +
    '<button type="button" data-do="reset">Reset all</button>' +
    '<button type="button" data-do="code">Copy as code</button>' +
    '<button type="button" data-do="svg">Save figure (SVG)</button>' +
    '<button type="button" data-do="png">Save figure (PNG)</button>' +
    '<button type="button" data-do="page">Save page (HTML)</button></div></header>' +
    '<p class="imo-status" role="status" aria-live="polite"></p><ul class="imo-problems" role="alert"></ul>' +
    '<div class="imo-code" hidden><label>Code that makes these numbers<textarea readonly rows="14" spellcheck="false"></textarea></label>' +
    '<button type="button" data-do="close">Close</button></div>' +
    '<details class="imo-regimens" open><summary>Regimens</summary><div></div></details>' +
    '<div class="imo-body"><section class="imo-sliders" aria-label="parameters"><h3>Parameters</h3><div></div></section>' +
    '<section class="imo-results" aria-label="results"><div class="imo-legend"></div><div class="imo-panels"></div>' +
    '<details class="imo-choice"><summary>Choose panels</summary><div></div></details><div class="imo-summary"></div></section></div>';
  return root;
}

function createRequests(model, receive, onSilence) {
  // One request for panels at a time: while the kernel computes, further moves are merged into the next one.
  let number = 0;
  let pending = 0;
  let next = null;
  let timer = null;

  function send(state) {
    if (pending) {
      next = state;
      return;
    }
    number += 1;
    pending = number;
    timer = setTimeout(() => {
      pending = 0;
      onSilence();
    }, PATIENCE);
    model.send({ kind: "panels", id: number, state });
  }

  function answered(message) {
    if (message.id !== pending) return;
    clearTimeout(timer);
    pending = 0;
    const waiting = next;
    next = null;
    receive(message);
    if (waiting) send(waiting);
  }

  return { send, answered, isIdle: () => !pending };
}

function download(file) {
  const bytes = Uint8Array.from(atob(file.data), (c) => c.charCodeAt(0));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type: file.type }));
  link.download = file.name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function createChoice(host, opening, state, onChange) {
  host.innerHTML = opening.outputs
    .map((o, k) => `<label title="${escapeText(o.title)}"><input type="checkbox" value="${o.name}" ${k === 0 ? "disabled" : ""}> ${escapeText(o.label)}</label>`)
    .join("");
  const boxes = [...host.querySelectorAll("input")];
  for (const box of boxes) {
    box.addEventListener("change", () => onChange(boxes.filter((b) => b.checked).map((b) => b.value)));
  }
  return (outputs) => {
    for (const box of boxes) box.checked = outputs.includes(box.value);
  };
}

function render({ model, el }) {
  const opening = model.get("opening");
  const root = skeleton(opening);
  el.append(root);
  root.dataset.lmSuppressShortcuts = "true"; // keys belong to the widget, not to the shortcuts of JupyterLab
  root.addEventListener("keydown", (event) => event.stopPropagation());
  const find = (selector) => root.querySelector(selector);
  const status = find(".imo-status");
  const state = structuredClone(opening.state);
  const stopTheme = followTheme(root);
  const panels = createPanels(find(".imo-panels"));
  const until = find(".imo-until");
  let changedAt = 0;
  let shownLegend = "";

  function show(message) {
    const decoded = decodePanels(message);
    sliders.problems(decoded.problems.sliders);
    regimens.problems(decoded.problems.rows);
    find(".imo-problems").innerHTML = decoded.problems.other.map((text) => `<li>${escapeText(text)}</li>`).join("");
    root.classList.toggle("imo-stale", !decoded.panels.length);
    if (!decoded.panels.length) {
      status.textContent = "The panels show the last values without problems.";
      return;
    }
    const limits = decoded.panels.some((p) => p.series.some((s) => s.reference));
    const legend = legendHtml(decoded.regimens, limits);
    if (legend !== shownLegend) find(".imo-legend").innerHTML = shownLegend = legend;
    panels.draw(decoded);
    find(".imo-summary").innerHTML = summaryHtml(decoded.summary);
    if (status.textContent) status.textContent = "";
  }

  function announce(message, changed) {
    // After the frame in which the panels are painted: for measurements of the time from a move to a redrawn panel.
    requestAnimationFrame(() => setTimeout(() => {
      const detail = { id: message.id, milliseconds: performance.now() - changed, computed: message.milliseconds };
      root.dispatchEvent(new CustomEvent("immunoode-redrawn", { detail, bubbles: true, composed: true }));
    }));
  }

  let sentAt = 0;
  const requests = createRequests(
    model,
    (message) => {
      show(message);
      announce(message, sentAt);
      sentAt = changedAt;
    },
    () => {
      status.textContent = "No answer from the kernel: is it still running?";
    },
  );
  const update = () => {
    changedAt = performance.now();
    if (requests.isIdle()) sentAt = changedAt;
    requests.send(structuredClone(state));
  };

  const sliders = createSliders(find(".imo-sliders > div"), opening, (name, value) => {
    state.parameters[name] = value;
    update();
  }, (values) => {
    state.parameters = values;
    update();
  });
  const regimens = createRegimens(find(".imo-regimens > div"), opening, (edited) => {
    state.regimens = edited;
    update();
  });
  const showChoice = createChoice(find(".imo-choice > div"), opening, state, (outputs) => {
    state.outputs = outputs;
    update();
  });
  until.addEventListener("change", () => {
    state.until = until.value;
    update();
  });

  function setControls() {
    sliders.set(state.parameters);
    regimens.set(state.regimens);
    until.value = state.until;
    showChoice(state.outputs);
  }

  function showCode(text) {
    const box = find(".imo-code");
    box.hidden = false;
    const area = box.querySelector("textarea");
    area.value = text;
    area.select();
    const copied = navigator.clipboard ? navigator.clipboard.writeText(text) : Promise.reject(new Error("no clipboard"));
    copied.then(
      () => (status.textContent = "The code is on the clipboard."),
      () => (status.textContent = "The browser does not allow copying; the code is selected below."),
    );
  }

  function receive(message) {
    if (message.kind === "panels") requests.answered(message);
    else if (message.kind === "code") showCode(message.text);
    else if (message.kind === "file") {
      download(message);
      status.textContent = `${message.name} was saved.`;
    } else if (message.kind === "problem") status.textContent = message.text;
  }

  root.addEventListener("click", (event) => {
    const action = event.target.closest("button[data-do]")?.dataset.do;
    if (!action) return;
    if (action === "close") find(".imo-code").hidden = true;
    else if (action === "reset") {
      Object.assign(state, structuredClone(opening.state));
      setControls();
      update();
    } else {
      status.textContent = action === "code" ? "" : "Making the file …";
      model.send({ kind: action, id: 0, state: structuredClone(state) });
    }
  });

  model.on("msg:custom", receive);
  setControls();
  show(opening.panels);
  return () => {
    model.off("msg:custom", receive);
    panels.disconnect();
    stopTheme();
  };
}

export default { render };
