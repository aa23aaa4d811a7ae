import { BlockList, connect, isIP, type Socket } from "node:net"

const loopback = new BlockList()
loopback.addSubnet("127.0.0.0", 8, "ipv4")
loopback.addAddress("::1", "ipv6")

const isLoopback = (address: string | undefined): boolean => {
  if (address === undefined) return false
  const plain = address.replace(/^::ffff:(?=\d+\.)/, "")
  return loopback.check(plain, isIP(plain) === 6 ? "ipv6" : "ipv4")
}

/** What a connection is made to, and what is known of it once it stands. */
export interface Opened {
  readonly connection: Socket
  /** Whether the address that was really connected to is this machine. */
  readonly isLocal: boolean
}

/**
 * Opens connections by the system's resolver; all that are open can be ended at once. The address that was connected to
 * decides whether a password needs TLS: what a name server says of `localhost` does not.
 */
export const makeSockets = (options: { readonly host: string; readonly port: number; readonly timeout: number }) => {
  const sockets = new Set<Socket>()
  const open = (done: (error: Error | null, opened?: Opened) => void): void => {
    const { host, port, timeout } = options
    const socket = connect({ host, port })
    sockets.add(socket)
    const failed = (error: Error) => done(error)
    const timedOut = () => socket.destroy(Object.assign(new Error("no connection"), { code: "ETIMEDOUT" }))
    socket.once("close", () => sockets.delete(socket))
    socket.once("error", failed)
    socket.setTimeout(timeout, timedOut)
    socket.once("connect", () => {
      socket.off("error", failed)
      socket.off("timeout", timedOut)
      socket.setTimeout(0)
      done(null, { connection: socket, isLocal: isLoopback(socket.remoteAddress) })
    })
  }
  const destroyAll = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return { open, destroyAll }
}
