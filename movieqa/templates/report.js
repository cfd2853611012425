"use strict";
const byId = (id) => document.getElementById(id);
const query = byId("query"), count = byId("count"), strip = byId("strip"), view = byId("view"), peek = byId("peek");
const cards = [...document.querySelectorAll(".shot")].map((node, index) => ({
  node, index, start: +node.dataset.start, end: +node.dataset.end, words: [...node.querySelectorAll(".words")],
  people: [...node.querySelectorAll(".who li")].map((one) => fold(one.textContent).folded),
}));
const first = cards[0].start, length = cards.at(-1).end;
const answers = byId("answers"), people = byId("people"), bars = [...byId("bars").querySelectorAll("rect")];
let shown = cards, current = -1;

/* Folds away case, accents, invisible marks and typographic quotes; `at` leads from folded letters to the original. */
function fold(text) {
  let folded = "";
  const at = [];
  let offset = 0;
  for (const letter of text) {
    const plain = letter.normalize("NFKD").toLowerCase().replace(/[\p{M}\p{Cf}]/gu, "").replace(/[’‘ʼ]/g, "'").replace(/\s/g, " ");
    for (let i = 0; i < plain.length; i++) at.push(offset);
    folded += plain;
    offset += letter.length;
  }
  at.push(text.length);
  return { folded, at };
}

for (const card of cards) {
  card.texts = card.words.map((node) => ({ node, text: node.textContent, ...fold(node.textContent) }));
  card.folded = card.texts.map((text) => text.folded).join("\n");
}

/* Marks every occurrence of the words inside one line; a letter that folds into several is marked whole. */
function mark({ node, text, folded, at }, words) {
  const marked = new Uint8Array(text.length);
  for (const word of words) {
    for (let i = folded.indexOf(word); i >= 0; i = folded.indexOf(word, i + word.length)) {
      let end = i + word.length;
      while (end < at.length - 1 && at[end] === at[end - 1]) end++;
      marked.fill(1, at[i], at[end]);
    }
  }
  const parts = [];
  for (let from = 0, to = 0; from < text.length; from = to) {
    while (to < text.length && marked[to] === marked[from]) to++;
    const part = text.slice(from, to);
    parts.push(marked[from] ? Object.assign(document.createElement("mark"), { textContent: part }) : part);
  }
  (node.querySelector("bdi") ?? node).replaceChildren(...parts);
}

function parseClock(text) {
  const parts = /^(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)$/.exec(text);
  return parts && +(parts[1] ?? 0) * 3600 + +parts[2] * 60 + +parts[3].replace(",", ".");
}

function cardAt(time) {
  let low = 0, high = cards.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (cards[middle].start <= time) low = middle; else high = middle - 1;
  }
  return cards[low];
}

function tellCount() {
  const total = `${shown.length.toLocaleString("en")} shot${shown.length === 1 ? "" : "s"}`;
  count.textContent = current >= 0 && query.value.trim() ? `${(current + 1).toLocaleString("en")} of ${total}` : total;
}

function search() {
  const asked = query.value.trim();
  const time = parseClock(asked);
  const isMeant = asked.startsWith("@") ? whoIsMeant(fold(asked.slice(1)).folded.trim()) : null;
  const words = time === null && !isMeant ? fold(asked).folded.split(" ").filter(Boolean) : [];
  const wanted = time === null ? null : cardAt(time);
  shown = cards.filter((card) => {
    if (isMeant) return card.people.some(isMeant);
    return wanted ? card === wanted : words.every((word) => card.folded.includes(word));
  });
  const kept = new Set(shown);
  for (const card of cards) {
    card.node.hidden = !kept.has(card);
    card.node.classList.remove("here");
    if (card.isMarked || (words.length && kept.has(card))) {
      const live = kept.has(card) ? words : [];
      card.texts.forEach((text) => mark(text, live));
      card.isMarked = live.length > 0;
    }
  }
  current = -1;
  byId("none").hidden = shown.length > 0;
  if (answers) answers.hidden = asked !== "";
  if (people) {
    people.hidden = asked !== "" && !isMeant;
    for (const row of people.querySelectorAll(".person")) row.classList.toggle("off", Boolean(isMeant) && !isMeant(fold(row.dataset.label).folded));
  }
  const hits = asked ? shown : [];
  bars.forEach((bar, index) => bar.classList.toggle("off", !kept.has(cards[index])));
  byId("hits").setAttribute("d", hits.map((card) => `M${place(card.start)} 1.5H${place(card.end)}`).join(""));
  tellCount();
}

/* `@Julia` is she alone where somebody is called so, else everybody whose name begins so. */
function whoIsMeant(asked) {
  const isCalledSo = cards.some((card) => card.people.includes(asked));
  return (name) => (isCalledSo ? name === asked : name.startsWith(asked));
}

function remember() {
  const asked = query.value.trim();
  history.replaceState(null, "", asked ? `#q=${encodeURIComponent(asked)}` : location.pathname + location.search);
}

const place = (time) => (((time - first) / (length - first)) * 1000).toFixed(2);

function go(card, { focus = false } = {}) {
  if (card.node.hidden) clear();
  for (const other of document.querySelectorAll(".here")) other.classList.remove("here");
  card.node.classList.add("here");
  card.node.scrollIntoView({ block: "center" });
  if (focus) card.node.focus({ preventScroll: true });
  current = shown.indexOf(card);
  tellCount();
}

function step(by) {
  if (shown.length) go(shown[(current + by + (current < 0 && by < 0 ? 1 : 0) + shown.length) % shown.length]);
}

function clear() {
  query.value = "";
  search();
  remember();
}

function readHash() {
  const hash = location.hash.slice(1);
  if (hash.startsWith("q=")) {
    try { query.value = decodeURIComponent(hash.slice(2)); } catch { query.value = hash.slice(2); }
    search();
    if (query.value.startsWith("@") && shown.length) shown[0].node.scrollIntoView({ block: "center" });
  } else if (/^shot-\d+$/.test(hash) && byId(hash)) go(cards[+hash.slice(5) - 1]);
}

query.addEventListener("input", () => { search(); remember(); });
query.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.isComposing) step(event.shiftKey ? -1 : 1);
  else if (event.key === "Escape") { clear(); query.blur(); } else return;
  event.preventDefault();
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target === query) return;
  if (event.key === "/") { query.focus(); query.select(); event.preventDefault(); }
  else if (event.key === "Escape" && query.value) clear();
});
byId("clear").addEventListener("click", () => { clear(); query.focus(); });
addEventListener("hashchange", readHash);

/* The timeline: a glance on hover, a jump on release, arrows from the keyboard. */
let pointed = 0;
/* Shows a shot's picture over a line in time, or under it where there is no room above. */
function showPeek(card, line, time, caption) {
  peek.querySelector("img").src = card.node.querySelector("img").src;
  peek.querySelector("figcaption").textContent = caption;
  peek.hidden = false;
  const box = line.getBoundingClientRect(), width = peek.offsetWidth;
  const middle = box.left + (time - first) / (length - first) * box.width;
  peek.style.left = `${Math.max(8, Math.min(middle - width / 2, innerWidth - width - 8))}px`;
  const above = box.top - peek.offsetHeight - 8;
  peek.style.top = `${above < 0 ? box.bottom + 8 : above}px`;
}
function pointAt(card) {
  pointed = card.index;
  const range = card.node.querySelector(".range").textContent;
  showPeek(card, strip, (card.start + card.end) / 2, `Shot ${card.index + 1}\n${range}`);
  strip.setAttribute("aria-valuenow", card.index + 1);
  strip.setAttribute("aria-valuetext", `shot ${card.index + 1}, ${range}`);
}
const hidePeek = () => { peek.hidden = true; };
const timeUnder = (event, line) => {
  const box = line.getBoundingClientRect();
  return first + ((event.clientX - box.left) / box.width) * (length - first);
};
const cardUnder = (event) => cardAt(timeUnder(event, strip));
strip.addEventListener("pointermove", (event) => pointAt(cardUnder(event)));
strip.addEventListener("pointerdown", (event) => pointAt(cardUnder(event)));
strip.addEventListener("pointerup", (event) => { go(cardUnder(event)); if (event.pointerType !== "mouse") hidePeek(); });
strip.addEventListener("pointerleave", hidePeek);
strip.addEventListener("blur", hidePeek);
strip.addEventListener("keydown", (event) => {
  const targets = { ArrowRight: pointed + 1, ArrowUp: pointed + 1, ArrowLeft: pointed - 1, ArrowDown: pointed - 1, Home: 0, End: cards.length - 1 };
  if (event.key in targets) pointAt(cards[Math.max(0, Math.min(targets[event.key], cards.length - 1))]);
  else if (event.key === "Enter" || event.key === " ") { hidePeek(); go(cards[pointed], { focus: true }); } else return;
  event.preventDefault();
});

/* Frames the part of the film that is on the screen. */
const onScreen = new Set();
function showView() {
  view.hidden = onScreen.size === 0;
  if (view.hidden) return;
  view.style.left = `${place(cards[Math.min(...onScreen)].start) / 10}%`;
  view.style.right = `${100 - place(cards[Math.max(...onScreen)].end) / 10}%`;
}
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const index = entry.target.id.slice(5) - 1;
    if (entry.isIntersecting) onScreen.add(index); else onScreen.delete(index);
  }
  showView();
}, { rootMargin: "-80px 0px -110px" });
cards.forEach((card) => watcher.observe(card.node));

for (const picture of document.querySelectorAll("img[data-shot]")) {
  picture.src = cards[picture.dataset.shot - 1].node.querySelector("img").src;
  picture.hidden = false;
}
query.disabled = false;
readHash();
