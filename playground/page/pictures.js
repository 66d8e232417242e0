// Pictures in messages, and the large view of one.

import { byId, make, safeUrl } from "./dom.js";

const MIN_SIDE = 256; // CSS pixels; smaller pictures are shown larger
const MAX_SIDE = 420;

export function renderPicture(media, { description = null, spoiler = false, sized = true, group = [media] } = {}) {
  const src = safeUrl(media.url);
  if (!src) return null;
  const image = make("img", { src, alt: description ?? "", loading: "lazy", decoding: "async" });
  if (sized) setDisplaySize(image, media.width, media.height);
  const button = make(
    "button",
    {
      type: "button",
      class: "picture",
      "data-testid": "picture",
      "aria-label": description ? `Enlarge: ${description}` : "Enlarge picture",
    },
    image,
  );
  if (spoiler) button.classList.add("hidden-spoiler");
  button.addEventListener("click", () => {
    if (button.classList.contains("hidden-spoiler")) button.classList.remove("hidden-spoiler");
    else openLightbox(group, group.indexOf(media), description);
  });
  return button;
}

// Chooses a sensible size on the page, and keeps the place free while the picture loads.
function setDisplaySize(image, width, height) {
  if (!width || !height) {
    image.style.maxHeight = `${MAX_SIDE}px`;
    return;
  }
  let shown = Math.min(Math.max(width, MIN_SIDE), MAX_SIDE);
  if ((shown * height) / width > MAX_SIDE) shown = (MAX_SIDE * width) / height;
  image.width = Math.round(shown);
  image.height = Math.round((shown * height) / width);
  image.style.aspectRatio = `${width} / ${height}`;
}

export function renderGallery(items) {
  const group = items.map((item) => item.media);
  const pictures = items.map((item) =>
    renderPicture(item.media, {
      description: item.description,
      spoiler: item.spoiler,
      sized: items.length === 1,
      group,
    }),
  );
  return make(
    "div",
    { class: items.length > 1 ? `gallery many of-${items.length}` : "gallery", "data-testid": "gallery" },
    pictures,
  );
}

function openLightbox(group, index, description) {
  const dialog = byId("lightbox");
  const image = make("img", { alt: description ?? "" });
  const open = make("a", { target: "_blank", rel: "noopener" }, "Open file");
  const show = (place) => {
    index = (place + group.length) % group.length;
    image.src = open.href = safeUrl(group[index].url);
  };
  const step = (by, label, sign) =>
    make(
      "button",
      { class: "button small", type: "button", "aria-label": label, onclick: () => show(index + by) },
      sign,
    );
  const bar = make(
    "div",
    { class: "bar" },
    group.length > 1 && step(-1, "Previous picture", "←"),
    open,
    make(
      "button",
      {
        class: "button small",
        type: "button",
        "data-testid": "lightbox-close",
        onclick: () => dialog.close(),
      },
      "Close",
    ),
    group.length > 1 && step(1, "Next picture", "→"),
  );
  dialog.replaceChildren(image, bar);
  dialog.onclick = (event) => event.target === dialog && dialog.close();
  dialog.onkeydown = (event) => {
    if (event.key === "ArrowRight") show(index + 1);
    if (event.key === "ArrowLeft") show(index - 1);
  };
  show(index);
  dialog.showModal();
}
