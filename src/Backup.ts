export { type BackupRequest, createBackup } from "./Backup/Create.ts"
export { BackupFailed } from "./Backup/Failure.ts"
export { BackupManifest, databaseName } from "./Backup/Manifest.ts"
export { type RestoreRequest, restoreBackup } from "./Backup/Restore.ts"
