// What the page knows (`seen`, of the server), kept up by differences, and where the person is on it (`here`).

export const here = {
  me: null, // the id of the person who looks
  place: null, // a channel's id, or "home"
  thread: null, // the ts of the message whose thread is open
};

// Records by key, oldest first; `lines` holds the messages of all channels, and what one person alone sees.
const records = { people: new Map(), channels: new Map(), lines: new Map(), homes: new Map(), modals: new Map(), jobs: new Map(), entries: new Map(), facts: new Map() };

export const seen = {
  ...records,
  fact: (name) => records.facts.get(name),
  get home() { return records.homes.get(here.me)?.blocks; },
  get modal() { return records.modals.get(here.me); },
};

// Take over what changed; a record that did not change stays the same object. Returns the kinds that hold something new.
export function see({ whole, changes }) {
  if (whole) for (const known of Object.values(records)) known.clear();
  for (const [kind, changed] of Object.entries(changes)) {
    for (const [key, record] of Object.entries(changed)) {
      if (record === null) records[kind].delete(key);
      else records[kind].set(key, record);
    }
  }
  here.me ??= seen.fact("me");
  return new Set(whole ? Object.keys(records) : Object.keys(changes));
}

// People and channels by id, as `mrkdwn` and `blocks` want them.
export const world = {
  person: (id) => seen.people.get(id)?.name ?? id,
  channel: (id) => seen.channels.get(id)?.name ?? "private-channel",
};

export const channels = () => [...seen.channels.values()].filter((each) => !each.im || each.person === here.me);

export const channel_here = () => seen.channels.get(here.place);

// Which pane a narrow window shows.
export function pane(name) {
  document.body.dataset.pane = name;
}
