// In and out: what changes at the server, and what people do.

import { at } from "./dom.js";
import { here, see } from "./state.js";

const POLL_MILLISECONDS = 1000;
const LOST = "This page lost its server. Start `ftjob try` again.";

let version = ""; // the newest that is known here
let is_asking = false;
let has_rung = false;

// Call `draw` with the kinds of records that changed, whenever some did.
export function watch(draw) {
  const ring = (name) => { if (name !== version) catch_up(draw); };
  document.addEventListener("visibilitychange", () => catch_up(draw));
  window.addEventListener("pageshow", (event) => { if (event.persisted) listen(ring); });
  listen(ring);
  catch_up(draw);
}

// All tabs of a browser share one stream, for it opens six connections to a server and no more. The stream belongs to no
// tab, so one that closes takes nothing along. Without shared workers each tab asks by the clock, and holds no connection.
function listen(ring) {
  const poll = () => setInterval(ring, POLL_MILLISECONDS);
  if (!window.SharedWorker) return poll();
  const bell = new SharedWorker("/static/bell.js");
  bell.onerror = poll;
  bell.port.onmessage = (event) => ring(event.data);
  window.addEventListener("pagehide", () => bell.port.postMessage("bye"), { once: true });
}

// Ask for what is new since the known version, one question at a time. A hidden tab asks when somebody looks at it.
async function catch_up(draw) {
  has_rung = true;
  if (is_asking) return;
  is_asking = true;
  try {
    while (has_rung && !document.hidden) {
      has_rung = false;
      const update = await changes();
      banner(update ? "" : LOST);
      if (!update) return;
      version = update.version;
      draw(see(update));
    }
  } finally {
    is_asking = false;
  }
}

async function changes() {
  try {
    const ask = () => fetch(`/changes?since=${encodeURIComponent(version)}`);
    let answer = await ask();
    if (answer.status === 403) { await fetch("/"); answer = await ask(); } // another run of the server: it gives its own cookie
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

export async function pull(lever, asked) {
  try {
    const answer = await fetch(`/${lever}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ as: here.me, ...asked }) });
    const { said } = await answer.json();
    return { ok: answer.ok, said };
  } catch {
    return { ok: false, said: LOST };
  }
}

export async function act(asked) {
  at("said").textContent = "";
  const { said } = await pull("act", asked);
  at("said").textContent = said;
  return said;
}

function banner(text) {
  if (at("banner").textContent === text) return;
  at("banner").hidden = !text;
  at("banner").textContent = text;
}
