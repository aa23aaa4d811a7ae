import { isAtLeast, type LogEntry, type LogLevelName, type LogsWanted } from "../Domain/Log.ts"

const isId = (text: string): boolean => /^(job|run|dlv|apr|ses|key)_[0-9a-z]{26}$/.test(text)

/** Whether an entry is wanted: of the level or above, and about what the filter names. */
export const wantedBy = ({ filter, level }: LogsWanted, logged: LogLevelName): ((entry: LogEntry) => boolean) => {
  const least = level ?? logged
  const about = (entry: LogEntry): boolean =>
    filter === undefined ||
    entry.component.startsWith(filter) ||
    Object.values(entry.fields).includes(filter) ||
    (isId(filter) && entry.message.includes(filter))
  return (entry) => isAtLeast(entry.level, least) && about(entry)
}
