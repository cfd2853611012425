/* Who is when: a line for each person; a glance on hover, a jump on release, arrows from the keyboard. */
const FEW = 12, NEAR = 5; /* pixels round a stretch that still mean it */
const cast = byId("cast");
const lanes = [...document.querySelectorAll(".lane")].map((node) => {
  const times = node.dataset.spans.split(" ").map(Number);
  const spans = times.filter((_, index) => index % 2 === 0).map((start, index) => ({ start, end: times[2 * index + 1] }));
  return { node, spans, label: node.closest(".person").dataset.label, at: -1 };
});

function showMoment(lane, time) {
  const here = lanes.filter(({ spans }) => spans.some((span) => span.start <= time && time < span.end)).map(({ label }) => label);
  showPeek(cardAt(time), lane.node, time, `${clock(time)} · shot ${cardAt(time).index + 1}\n${here.join(", ") || "nobody known"}`);
  cast.style.setProperty("--at", `${place(time) / 10}%`);
  cast.classList.add("pointed");
}

function hideMoment() {
  hidePeek();
  cast.classList.remove("pointed");
}

function clock(time) {
  const seconds = Math.floor(time);
  return [seconds / 3600, (seconds / 60) % 60, seconds % 60].map((part) => String(Math.floor(part)).padStart(2, "0")).join(":");
}

/* The moment under the pointer; beside a stretch too short to hit, the stretch. */
function momentUnder(event, lane) {
  const time = timeUnder(event, lane.node);
  const near = (NEAR / lane.node.clientWidth) * (length - first);
  const away = (span) => Math.max(span.start - time, time - span.end, 0);
  const nearest = lane.spans.reduce((best, span) => (away(span) < away(best) ? span : best));
  const meant = away(nearest) <= near ? Math.max(nearest.start, Math.min(time, nearest.end - 0.001)) : time;
  return Math.max(first, Math.min(meant, length - 0.001));
}

for (const lane of lanes) {
  const { node, spans } = lane;
  node.addEventListener("pointermove", (event) => showMoment(lane, momentUnder(event, lane)));
  node.addEventListener("pointerdown", (event) => showMoment(lane, momentUnder(event, lane)));
  node.addEventListener("pointerup", (event) => { hideMoment(); go(cardAt(momentUnder(event, lane))); });
  node.addEventListener("pointerleave", hideMoment);
  node.addEventListener("blur", hideMoment);
  node.addEventListener("keydown", (event) => {
    const targets = { ArrowRight: lane.at + 1, ArrowUp: lane.at + 1, ArrowLeft: lane.at - 1, ArrowDown: lane.at - 1, Home: 0, End: spans.length - 1 };
    if (event.key in targets) {
      lane.at = Math.max(0, Math.min(targets[event.key], spans.length - 1));
      showMoment(lane, spans[lane.at].start);
      node.setAttribute("aria-valuenow", lane.at + 1);
      node.setAttribute("aria-valuetext", `${clock(spans[lane.at].start)}, shot ${cardAt(spans[lane.at].start).index + 1}`);
    } else if (event.key === "Enter" || event.key === " ") {
      hideMoment();
      go(cardAt(spans[Math.max(0, lane.at)].start), { focus: true });
    } else return;
    event.preventDefault();
  });
}

/* A crowd is shown on request. */
const everybody = byId("everybody");
function showCrowd(isShown) {
  lanes.forEach(({ node }, index) => node.closest(".person").classList.toggle("crowd", index >= FEW && !isShown));
  everybody.hidden = isShown || lanes.length <= FEW;
}
if (everybody) {
  everybody.textContent = `Show all ${lanes.length.toLocaleString("en")} people`;
  everybody.addEventListener("click", () => { showCrowd(true); lanes[FEW].node.focus(); });
  showCrowd(false);
}
function showWhoIsLinked() {
  const row = /^#person-\d+$/.test(location.hash) && byId(location.hash.slice(1));
  if (!row || !row.classList.contains("crowd")) return;
  showCrowd(true);
  row.scrollIntoView({ block: "center" });
}
addEventListener("hashchange", showWhoIsLinked);
showWhoIsLinked();
