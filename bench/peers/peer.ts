/** What a contender offers; a string says why it does not. */
import type { Command } from '../command.js';
import type { Place } from '../place.js';

export type Offer<T> = T | string;

export interface Life {
  readonly create: Command;
  readonly start: Command;
  /** By force: the payload is pid 1 and hears no signal. */
  readonly stop: Command;
  readonly delete: Command;
}

export interface Attachment {
  readonly command: Command;
  readonly keys: string;
}

/** A contender that is ready; `close` removes all it has made, whatever state that is in. */
export interface Contender {
  /** What one of its containers is made of. */
  readonly makes: string;
  /** `true`, and everything removed. Of one name there is one at a time. */
  run(network: boolean, name?: string): Offer<Command>;
  /** Without a network. */
  life(name: string, payload: readonly string[], options?: { readonly terminal?: boolean }): Offer<Life>;
  exec(name: string): Offer<Command>;
  /** To a container whose life has a terminal. */
  attach(name: string): Offer<Attachment>;
  /** For those without a life: a container as long as this runs. */
  foreground?(name: string, payload: readonly string[]): Command;
  /** Processes that serve all containers. */
  daemons?(): readonly number[];
  close(): Promise<void>;
}

export interface Peer {
  readonly name: string;
  readonly program: string;
  /** Of Debian. */
  readonly package: string;
  /** Absent, it fails the bench; others are left out with their reason. */
  readonly mandatory: boolean;
  readonly version: readonly string[];
  open(place: Place): Promise<Contender>;
}

export const memoryLimit = 64 * 1024 * 1024;
export const pidsLimit = 100;

export const isOffer = <T>(offer: Offer<T>): offer is T => typeof offer !== 'string';
