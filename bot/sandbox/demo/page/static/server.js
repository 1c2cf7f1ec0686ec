// Client of the page's server: changes come in, user actions and controls go out.

import { by_id } from "./dom.js";
import { current, apply_update } from "./state.js";

const POLL_MILLISECONDS = 1000;
const LOST = "This page lost its server. Start `ftjob try` again.";

let version = ""; // the latest known version
let is_asking = false;
let has_news = false;

// Call `draw` with the kinds of records that changed, after each change.
export function subscribe(draw) {
  const on_version = (name) => { if (name !== version) fetch_changes(draw); };
  document.addEventListener("visibilitychange", () => fetch_changes(draw));
  window.addEventListener("pageshow", (event) => { if (event.persisted) listen(on_version); });
  listen(on_version);
  fetch_changes(draw);
}

// All tabs share one stream, because a browser opens at most six connections to a server. The stream belongs to a shared
// worker, so closing a tab does not end it. Without shared workers each tab polls.
function listen(on_version) {
  const poll = () => setInterval(on_version, POLL_MILLISECONDS);
  if (!window.SharedWorker) return poll();
  const worker = new SharedWorker("/static/version_worker.js");
  worker.onerror = poll;
  worker.port.onmessage = (event) => on_version(event.data);
  window.addEventListener("pagehide", () => worker.port.postMessage("bye"), { once: true });
}

// Request the changes since the known version, one request at a time. A hidden tab waits until it is visible.
async function fetch_changes(draw) {
  has_news = true;
  if (is_asking) return;
  is_asking = true;
  try {
    while (has_news && !document.hidden) {
      has_news = false;
      const update = await request_changes();
      show_banner(update ? "" : LOST);
      if (!update) return;
      version = update.version;
      draw(apply_update(update));
    }
  } finally {
    is_asking = false;
  }
}

async function request_changes() {
  try {
    const request = () => fetch(`/changes?since=${encodeURIComponent(version)}`);
    let response = await request();
    if (response.status === 403) { await fetch("/"); response = await request(); } // another run of the server sets another cookie
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

export async function post_control(control, body) {
  try {
    const response = await fetch(`/${control}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ user: current.user, ...body }) });
    const { message } = await response.json();
    return { ok: response.ok, message };
  } catch {
    return { ok: false, message: LOST };
  }
}

export async function perform(body) {
  by_id("status-message").textContent = "";
  const { message } = await post_control("action", body);
  by_id("status-message").textContent = message;
  return message;
}

function show_banner(text) {
  if (by_id("banner").textContent === text) return;
  by_id("banner").hidden = !text;
  by_id("banner").textContent = text;
}
