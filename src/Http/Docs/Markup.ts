/** Text for HTML, in elements and in attributes. */
export const escape = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)

/** Text in which backticks mark code. */
export const inline = (text: string): string => escape(text).replace(/&#96;|`([^`]+)`/g, "<code>$1</code>")

/** Paragraphs, with an empty line between them. */
export const prose = (text: string): string =>
  text
    .split("\n\n")
    .map((paragraph) => `<p>${inline(paragraph)}</p>`)
    .join("")

/** A block of text as it is; it can be scrolled by the keyboard. */
export const block = (text: string, label: string): string =>
  `<pre tabindex="0" aria-label="${escape(label)}"><code>${escape(text)}</code></pre>`

/** A value as JSON, or the text that it is. */
export const example = (value: unknown, label: string): string =>
  block(typeof value === "string" ? value : JSON.stringify(value, null, 2), label)
