const isHighSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdbff

/** The first so many characters (UTF-16 units) of a text, or one fewer where a pair of them would be cut through. */
export const firstOf = (text: string, length: number): string =>
  text.slice(0, text.length > length && isHighSurrogate(text.charCodeAt(length - 1)) ? length - 1 : length)

/** A text that would not fit: cut, and the cut marked. */
export const bounded = (text: string, length: number): string =>
  text.length <= length ? text : `${firstOf(text, length - 1)}…`
