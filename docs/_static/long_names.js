// Long names in tables and titles may break after an underscore, a slash, a colon or a full stop, so that tables fit the page.
document.querySelectorAll(".bd-article td code, .bd-article h1").forEach((place) => {
  const texts = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (texts.nextNode()) nodes.push(texts.currentNode);
  nodes.forEach((node) => {
    const parts = node.data.split(/(?<=[_/:.](?=[^_/:.\s]))/);
    node.replaceWith(...parts.flatMap((part, k) => (k ? [document.createElement("wbr"), part] : [part])));
  });
});
