/** A text as one word of a POSIX shell, so that a command that is shown can be pasted whatever the text is. */
export const shellWord = (text: string): string =>
  /^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
