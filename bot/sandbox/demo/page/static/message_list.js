// A scrolling list of messages: the newest are drawn, earlier ones on request.

import { element, reconcile } from "./dom.js";

const FIRST_PAGE = 100;
const PAGE = 200;
const NEAR_PIXELS = 80;

export class MessageList {
  constructor(list, draw_one) {
    Object.assign(this, { list, draw_one, items: [], first: "", top: 0 });
    this.scroll_to_end();
    list.addEventListener("scroll", () => { this.is_pinned = this.is_at_end(); });
    new ResizeObserver(() => this.follow()).observe(list); // hints and threads change its size
    list.addEventListener("load", () => this.follow(), true); // images load later than their messages
  }

  // Show the end at the next drawing, for another channel or thread.
  scroll_to_end() {
    this.is_pinned = this.is_new = true;
  }

  // Draw items as for `reconcile`, by ts, oldest first. A list at its end stays there; another keeps its scroll position.
  draw(items) {
    this.items = items;
    this.is_pinned = this.is_new || this.is_at_end();
    this.is_new = false;
    this.paint(this.is_pinned ? Math.max(0, items.length - FIRST_PAGE) : Math.max(0, items.findIndex(([ts]) => ts >= this.first)));
  }

  paint(start) {
    this.first = this.items[start]?.[0] ?? "";
    const above = start ? [["earlier", start]] : [];
    reconcile(this.list, [...above, ...this.items.slice(start)], (...values) => (typeof values[0] === "number" ? this.button(...values) : this.draw_one(...values)));
    this.follow();
  }

  button(count) {
    const show = () => {
      const below = this.list.scrollHeight - this.list.scrollTop;
      this.is_pinned = false;
      this.paint(Math.max(0, count - PAGE));
      this.list.scrollTop = this.list.scrollHeight - below;
    };
    return element("button", { class: "quiet earlier", "data-use": "earlier", onclick: show }, `Show earlier messages (${count.toLocaleString()})`);
  }

  follow() {
    if (this.is_pinned) this.list.scrollTop = this.list.scrollHeight;
    this.top = this.list.scrollTop;
  }

  // Only scrolling up leaves the end; a list that shrinks or messages that grow do not.
  is_at_end() {
    return this.is_near_end() || (this.is_pinned && this.list.scrollTop >= this.top);
  }

  is_near_end() {
    return this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < NEAR_PIXELS;
  }
}
