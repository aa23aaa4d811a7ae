import { chmod, cp, lchown, mkdir, readdir, rename, rm, stat } from "node:fs/promises"
import * as path from "node:path"
import { formatInstant } from "../Domain/Instant.ts"
import { codeOf } from "./Failure.ts"
import { databaseName } from "./Manifest.ts"

/** `20260215T093000Z` */
const stamp = (millis: number): string => formatInstant(millis).replace(/[-:]|\.\d{3}/g, "")

const asideName = "before-restore-"

/** The file of a data folder that its service holds locked. */
export const lockName = "service.lock"

/** How the name of a folder begins in which a backup is unpacked. */
export const stagingName = ".symbi-restore-"

/** What a file system, an earlier restore or the lock left in a folder: it stays there. */
export const stays = (name: string): boolean =>
  name === "lost+found" || name === lockName || name.startsWith(asideName) || name.startsWith(stagingName)

/** Whether a folder can only keep its place, because it is a mount point. */
export const isMountPoint = async (folder: string): Promise<boolean> =>
  (await stat(folder)).dev !== (await stat(path.dirname(folder))).dev

/** Where what is in a folder is set aside at an instant (UTC ms): beside it, or in it where it keeps its place. */
export const asideOf = (folder: string, now: number, keepsPlace: boolean): string =>
  keepsPlace ? path.join(folder, `${asideName}${stamp(now)}`) : `${folder}.${asideName}${stamp(now)}`

/** Moves entries of one folder into another; when one cannot be moved, those before it go back. */
const moveAll = async (names: ReadonlyArray<string>, from: string, to: string): Promise<void> => {
  const moved: Array<string> = []
  try {
    for (const name of names) {
      await rename(path.join(from, name), path.join(to, name))
      moved.push(name)
    }
  } catch (error) {
    for (const name of moved) await rename(path.join(to, name), path.join(from, name))
    throw error
  }
}

/** Gives a folder the permissions of another and, as root, it and all in it to the other's owner. */
export const giveTo = async (like: string, folder: string): Promise<void> => {
  const { gid, mode, uid } = await stat(like)
  await chmod(folder, mode & 0o7777)
  if (process.getuid?.() !== 0) return
  const names = await readdir(folder, { recursive: true })
  for (const name of ["", ...names]) await lchown(path.join(folder, name), uid, gid)
}

const swapEntries = async (folder: string, aside: string | null, staged: string): Promise<void> => {
  const old = (await readdir(folder)).filter((name) => !stays(name))
  if (aside !== null) {
    await mkdir(aside, { mode: 0o700 })
    await moveAll(old, folder, aside)
  }
  // The database comes last: a folder that has it has all.
  const names = (await readdir(staged)).sort((a, b) => Number(a === databaseName) - Number(b === databaseName))
  try {
    await moveAll(names, staged, folder)
  } catch (error) {
    if (aside !== null) {
      await moveAll(old, aside, folder)
      await rm(aside, { recursive: true })
    }
    throw error
  }
}

const swapFolders = async (folder: string, aside: string | null, staged: string): Promise<void> => {
  await mkdir(path.dirname(folder), { recursive: true })
  if (aside !== null) await rename(folder, aside)
  try {
    await rename(staged, folder)
  } catch (error) {
    if (aside !== null) await rename(aside, folder)
    throw error
  }
}

/**
 * Puts an unpacked backup in the place of a folder, and what was there aside. Gives where that is now; null when there
 * was nothing. A folder that turns out to be a mount point keeps its place.
 */
export const swap = async (
  folder: string,
  staged: string,
  asked: { readonly full: boolean; readonly keepsPlace: boolean; readonly now: number }
): Promise<string | null> => {
  const inPlace = asked.full ? asideOf(folder, asked.now, true) : null
  if (asked.keepsPlace) {
    await swapEntries(folder, inPlace, staged)
    return inPlace
  }
  const beside = asked.full ? asideOf(folder, asked.now, false) : null
  try {
    await swapFolders(folder, beside, staged)
    return beside
  } catch (error) {
    if (!["EBUSY", "EXDEV"].includes(codeOf(error))) throw error
    const inside = path.join(folder, path.basename(path.dirname(staged)))
    try {
      await cp(staged, inside, { recursive: true, preserveTimestamps: true })
      await giveTo(folder, inside)
      await swapEntries(folder, inPlace, inside)
    } finally {
      await rm(inside, { recursive: true, force: true })
    }
    return inPlace
  }
}
