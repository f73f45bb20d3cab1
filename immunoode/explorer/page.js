// A saved page: the panels of one state, drawn by the same code as in the widget.

const root = document.getElementById("explorer");
const saved = JSON.parse(document.getElementById("data").textContent);
const decoded = decodePanels(saved.panels);
followTheme(root);
root.querySelector(".imo-legend").innerHTML = legendHtml(decoded.regimens, decoded.panels.some((p) => p.series.some((s) => s.reference)));
createPanels(root.querySelector(".imo-panels")).draw(decoded);
root.querySelector(".imo-summary").innerHTML = summaryHtml(decoded.summary);
