/**
 * The one family of errors. A class per kind fixes the exit status and the HTTP status once;
 * which code belongs to which kind is in catalog.ts.
 */

/** Plain data that goes with an error: names, paths, errno, step. Never class instances. */
export type ErrorContext = Readonly<Record<string, unknown>>;

export interface ZoneErrorOptions {
  /** One imperative sentence with a command to paste. */
  readonly hint?: string | undefined;
  readonly context?: ErrorContext | undefined;
  readonly cause?: unknown;
}

/** The shape of an error in `-o json`, in an HTTP body and in the library. */
export interface ZoneErrorJson {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly hint?: string;
    readonly exitStatus: number;
    readonly context: ErrorContext;
  };
}

/** Every error that tszone raises on purpose. Branch on `code`, never on the text. */
export abstract class ZoneError extends Error {
  abstract readonly exitStatus: number;
  abstract readonly httpStatus: number;
  readonly code: string;
  readonly hint: string | undefined;
  readonly context: ErrorContext;

  constructor(code: string, message: string, options: ZoneErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = options.hint;
    this.context = options.context ?? {};
  }

  toJSON(): ZoneErrorJson {
    const { code, message, hint, exitStatus, context } = this;
    return { error: { code, message, ...(hint === undefined ? {} : { hint }), exitStatus, context } };
  }
}

/** A bug of ours. */
export class InternalError extends ZoneError {
  readonly exitStatus = 1;
  readonly httpStatus = 500;
}

/** A bad flag or a bad spec. */
export class UsageError extends ZoneError {
  readonly exitStatus = 2;
  readonly httpStatus = 400;
}

/** No such zone, image, network, port. */
export class NotFoundError extends ZoneError {
  readonly exitStatus = 3;
  readonly httpStatus = 404;
}

/** It exists already, is in the wrong state, or is locked. */
export class ConflictError extends ZoneError {
  readonly exitStatus = 4;
  readonly httpStatus = 409;
}

/** The host lacks a kernel feature, a controller or a tool. */
export class HostError extends ZoneError {
  readonly exitStatus = 5;
  readonly httpStatus = 501;
}

/** No space, no address, no id range left, or over a limit. */
export class ResourceError extends ZoneError {
  readonly exitStatus = 6;
  readonly httpStatus = 507;
}

/** A kernel step failed: context has step, syscall, errno and path. */
export class KernelError extends ZoneError {
  readonly exitStatus = 7;
  readonly httpStatus = 500;
}

/** A wait ended unmet. */
export class TimeoutError extends ZoneError {
  readonly exitStatus = 8;
  readonly httpStatus = 504;
}

/** Not root, or not allowed. */
export class PermissionError extends ZoneError {
  readonly exitStatus = 9;
  readonly httpStatus = 403;
}
