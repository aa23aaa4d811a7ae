const visible = (character: string): string => {
  const code = character.charCodeAt(0)
  if (code < 0x20) return String.fromCharCode(0x2400 + code)
  return code === 0x7f ? "\u2421" : `<${code.toString(16)}>`
}

/** Makes control characters visible instead of obeyed, but for newline and tab, so that output cannot steer a terminal. */
export const neutralise = (text: string): string =>
  text
    .replaceAll("\r\n", "\n")
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, visible)
