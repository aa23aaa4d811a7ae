import type { Provider } from "../../Settings.ts"

/** A model's name as its provider knows it: Anthropic's versions have no dots, though people write `claude-sonnet-4.5`. */
export const sentName = (kind: Provider["kind"], model: string): string =>
  kind === "anthropic" && model.startsWith("claude") ? model.replace(/(?<=\d)\.(?=\d)/g, "-") : model
