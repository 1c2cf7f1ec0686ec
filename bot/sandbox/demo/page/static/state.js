// State of the page (`state`, a copy of the server's, kept up to date by deltas) and the current selection (`current`).

export const current = {
  user: null, // the id of the selected user
  channel: null, // a channel's id, or "home"
  thread: null, // the ts of the message whose thread is open
};

// Records by key, oldest first; `messages` holds those of all channels, ephemeral ones included.
const records = { users: new Map(), channels: new Map(), messages: new Map(), homes: new Map(), modals: new Map(), jobs: new Map(), requests: new Map(), status: new Map() };

export const state = {
  ...records,
  status: (name) => records.status.get(name),
  get home() { return records.homes.get(current.user)?.blocks; },
  get modal() { return records.modals.get(current.user); },
};

// Apply an update; a record that did not change stays the same object. Returns the kinds of records that changed.
export function apply_update({ whole, changes }) {
  if (whole) for (const known of Object.values(records)) known.clear();
  for (const [kind, changed] of Object.entries(changes)) {
    for (const [key, record] of Object.entries(changed)) {
      if (record === null) records[kind].delete(key);
      else records[kind].set(key, record);
    }
  }
  current.user ??= state.status("default_user");
  return new Set(whole ? Object.keys(records) : Object.keys(changes));
}

// Names of users and channels by id, as `mrkdwn` and `blocks` need them.
export const names = {
  user: (id) => state.users.get(id)?.name ?? id,
  channel: (id) => state.channels.get(id)?.name ?? "private-channel",
};

export const channels = () => [...state.channels.values()].filter((each) => !each.is_im || each.user === current.user);

export const current_channel = () => state.channels.get(current.channel);

// Select the pane that a narrow window shows.
export function show_pane(name) {
  document.body.dataset.pane = name;
}
