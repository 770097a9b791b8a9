/** Every code there is, with the kind it belongs to. docs/reference/errors.md has one heading per code (tested). */
import {
  ConflictError,
  HostError,
  InternalError,
  KernelError,
  NotFoundError,
  PermissionError,
  ResourceError,
  TimeoutError,
  UsageError,
  type ZoneError,
  type ZoneErrorOptions,
} from './zone-error.js';

type ErrorClass = new (code: string, message: string, options?: ZoneErrorOptions) => ZoneError;

export const errorCatalog = {
  INTERNAL: InternalError,

  USAGE_UNKNOWN_COMMAND: UsageError,
  USAGE_UNKNOWN_FLAG: UsageError,
  USAGE_BAD_ARGUMENT: UsageError,
  SPEC_INVALID: UsageError,
  IMAGE_ARCHIVE_INVALID: UsageError,
  IMAGE_MANIFEST_INVALID: UsageError,
  IMAGE_DIGEST_MISMATCH: UsageError,
  TEMPLATE_INVALID: UsageError,
  IMAGE_BUILD_FAILED: UsageError,
  EXPORT_INVALID: UsageError,
  BACKUP_PASSWORD_MISSING: UsageError,

  ZONE_NOT_FOUND: NotFoundError,
  IMAGE_NOT_FOUND: NotFoundError,
  IMAGE_PLATFORM_MISSING: NotFoundError,
  NETWORK_NOT_FOUND: NotFoundError,
  PORT_NOT_FOUND: NotFoundError,
  PATH_NOT_FOUND: NotFoundError,
  SPARE_NOT_FOUND: NotFoundError,
  SNAPSHOT_NOT_FOUND: NotFoundError,
  POOL_NOT_FOUND: NotFoundError,
  BACKUP_NOT_FOUND: NotFoundError,
  BACKUP_REPOSITORY_NOT_FOUND: NotFoundError,

  ZONE_EXISTS: ConflictError,
  ZONE_RUNNING: ConflictError,
  ZONE_NOT_RUNNING: ConflictError,
  ZONE_STATE: ConflictError,
  ZONE_PROTECTED: ConflictError,
  ZONE_HAS_SNAPSHOTS: ConflictError,
  SNAPSHOT_EXISTS: ConflictError,
  SNAPSHOT_IN_USE: ConflictError,
  LOCK_BUSY: ConflictError,
  IMAGE_IN_USE: ConflictError,
  IMAGE_EXISTS: ConflictError,
  IMAGE_DAMAGED: ConflictError,
  PATH_EXISTS: ConflictError,
  BACKUP_DAMAGED: ConflictError,
  POOL_EXISTS: ConflictError,
  POOL_IN_USE: ConflictError,
  NETWORK_IN_USE: ConflictError,
  NETWORK_EXISTS: ConflictError,
  NETWORK_ADDRESS_IN_USE: ConflictError,
  PORT_IN_USE: ConflictError,
  IDS_TAKEN: ConflictError,
  ENGINE_RUNNING: ConflictError,
  STATE_TOO_NEW: ConflictError,
  STATE_CORRUPT: ConflictError,

  HOST_TOOL_MISSING: HostError,
  HOST_TOOL_FAILED: HostError,
  HOST_HELPER_MISSING: HostError,
  HOST_FEATURE_MISSING: HostError,
  CGROUP_CONTROLLER_MISSING: HostError,
  REGISTRY_UNREACHABLE: HostError,
  REGISTRY_BAD_ANSWER: HostError,
  POOL_CANNOT: HostError,
  POOL_UNUSABLE: HostError,
  BACKUP_REPOSITORY_UNREACHABLE: HostError,

  RESOURCE_DISK_FULL: ResourceError,
  RESOURCE_IDS_EXHAUSTED: ResourceError,
  RESOURCE_ADDRESSES_EXHAUSTED: ResourceError,
  RESOURCE_LIMIT: ResourceError,
  IMAGE_TOO_LARGE: ResourceError,

  KERNEL_STEP_FAILED: KernelError,
  HELPER_DIED: KernelError,

  WAIT_TIMEOUT: TimeoutError,

  NOT_ROOT: PermissionError,
  REGISTRY_AUTH_FAILED: PermissionError,
  EXPORT_UNTRUSTED: PermissionError,
  BACKUP_PASSWORD_WRONG: PermissionError,
} as const satisfies Record<string, ErrorClass>;

export type ErrorCode = keyof typeof errorCatalog;

/** Makes the error of the right kind for a code. */
export function zoneError(code: ErrorCode, message: string, options: ZoneErrorOptions = {}): ZoneError {
  return new errorCatalog[code](code, message, options);
}

/** True if `error` is ours and carries one of the codes. */
export function hasCode(error: unknown, ...codes: ErrorCode[]): error is ZoneError {
  return error instanceof Error && 'code' in error && (codes as readonly unknown[]).includes(error.code);
}
