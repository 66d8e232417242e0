// The posts of a forum, in place of messages: the open ones first, then the archived.

import { byId, make } from "./dom.js";
import { state, visibleChannels } from "./state.js";

export function renderForum(forum, { openChannel }) {
  const posts = visibleChannels().filter((one) => one.parent_id === forum.id);
  const newest = posts.toSorted((one, other) => (BigInt(other.id) > BigInt(one.id) ? 1 : -1));
  const names = new Map(forum.tags.map((tag) => [tag.id, tag.name]));
  const focused = document.activeElement?.dataset.post;
  byId("messages").replaceChildren(
    make("div", { class: "start" }, posts.length ? `Posts in ${forum.name}.` : `${forum.name} has no posts yet.`),
    ...[false, true].flatMap((archived) =>
      newest.filter((one) => one.archived === archived).map((one) => renderPost(one, names, openChannel)),
    ),
  );
  if (focused) byId("messages").querySelector(`[data-post="${focused}"]`)?.focus();
}

function renderPost(post, names, openChannel) {
  return make(
    "button",
    {
      type: "button",
      class: `post ${state.unread.has(post.id) ? "unread" : ""}`,
      "data-testid": "forum-post",
      "data-post": post.id,
      onclick: () => openChannel(post.id),
    },
    make("b", { dir: "auto" }, post.name),
    make(
      "span",
      { class: "post-tags" },
      post.applied_tags.map((id) => make("span", { class: "tag", "data-testid": "post-tag" }, names.get(id) ?? "")),
      post.archived ? make("span", { class: "muted" }, post.locked ? "archived and locked" : "archived") : null,
    ),
  );
}
