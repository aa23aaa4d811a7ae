/** A number as people read it: three digits that count, or whole. */
export const shown = (value) => {
  if (value >= 100) return Math.round(value).toLocaleString("en")
  return value.toFixed(value >= 10 ? 1 : 2)
}

const withUnit = ({ unit, value }) => `${shown(value)} ${unit}`

const ratioOf = ({ peer, value }) => (peer === undefined || peer.value === 0 ? undefined : value / peer.value)

const metOf = ({ goal }) => (goal === undefined ? "" : goal.met ? "met" : "not met")

/** A result on one line of a terminal. */
export const lineOf = (result) => {
  const ratio = ratioOf(result)
  const against = ratio === undefined ? "" : `${shown(ratio)} x ${shown(result.peer.value)} (${result.peer.name})`
  const goal = result.goal === undefined ? "" : `${metOf(result)}: ${result.goal.text}`
  return [result.name.padEnd(66), withUnit(result).padStart(20), against, goal].join("  ").trimEnd()
}

const cellsOf = (result) => {
  const ratio = ratioOf(result)
  return [
    result.name,
    withUnit(result),
    result.peer === undefined ? "" : `${shown(result.peer.value)} (${result.peer.name})`,
    ratio === undefined ? "" : shown(ratio),
    result.goal?.text ?? "",
    metOf(result)
  ]
}

const heads = ["work", "ours", "peer", "ratio", "goal", ""]

const isShown = ({ detail, goal }) => goal !== undefined && (detail !== true || !goal.met)

/** Rows with goals as a table with aligned columns, for a terminal. */
export const tableOf = (rows) => {
  const lines = [heads, ...rows.filter(isShown).map(cellsOf)]
  const widths = heads.map((_, column) => Math.max(...lines.map((cells) => cells[column].length)))
  return lines
    .map((cells) =>
      cells
        .map((cell, column) => cell.padEnd(widths[column]))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}

/** The same in Markdown, under a line about the machine. */
export const markdownOf = ({ date, machine, results }) => {
  const { cores, cpu, fsync_ms, node, platform } = machine
  const what = `${cpu}, ${cores} cores, ${platform}, Node ${node}, ${shown(fsync_ms)} ms for each fsync, ${date.slice(0, 10)}`
  const rows = results.filter(isShown).map(cellsOf)
  const line = (cells) => `| ${cells.join(" | ")} |`
  return [`Measured on: ${what}.`, "", line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n")
}
