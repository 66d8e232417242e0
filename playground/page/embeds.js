// Draws classic embeds and loose attachments.

import { renderFile } from "./components.js";
import { make, safeUrl } from "./dom.js";
import { renderMarkdown } from "./markdown.js";
import { renderGallery, renderPicture } from "./pictures.js";

export function renderEmbed(one) {
  const title =
    one.title &&
    (one.url && safeUrl(one.url)
      ? make(
          "a",
          {
            class: "embed-title",
            href: safeUrl(one.url),
            target: "_blank",
            rel: "noopener noreferrer",
            dir: "auto",
          },
          one.title,
        )
      : make("div", { class: "embed-title", dir: "auto" }, one.title));
  const box = make(
    "div",
    { class: "embed", "data-testid": "embed" },
    one.author && make("div", { class: "muted", dir: "auto" }, one.author.name),
    title,
    one.description && renderMarkdown(one.description),
    one.fields?.length ? make("div", { class: "embed-fields" }, one.fields.map(field)) : null,
    one.thumbnail && make("div", { class: "thumbnail" }, renderPicture(one.thumbnail, { sized: false })),
    one.image && renderGallery([{ media: one.image, description: null, spoiler: false }]),
    one.footer && make("div", { class: "embed-foot", dir: "auto" }, one.footer.text),
  );
  if (one.color) box.style.borderInlineStartColor = `#${one.color.toString(16).padStart(6, "0")}`;
  return box;
}

function field(one) {
  return make(
    "div",
    { class: one.inline ? "embed-field inline" : "embed-field" },
    make("b", { dir: "auto" }, one.name),
    renderMarkdown(one.value),
  );
}

export function renderAttachments(files) {
  const pictures = files.filter((file) => file.content_type?.startsWith("image/") && file.width);
  const others = files.filter((file) => !pictures.includes(file));
  const items = pictures.map((file) => ({
    media: file,
    description: file.description ?? null,
    spoiler: file.filename.startsWith("SPOILER_"),
  }));
  return [
    items.length ? renderGallery(items) : null,
    ...others.map((file) => renderFile(file.filename, file.url, file.size)),
  ];
}
