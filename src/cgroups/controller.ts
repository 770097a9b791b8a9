/** What each controller's file says about it: which limits it enforces, and by which control files of v1 and v2. */
import type { CgroupLayout, Controller } from '../host/facts.js';
import type { ZoneLimits } from './limits.js';

export interface FileValue {
  readonly file: string;
  readonly value: string;
}

export interface RuleContext {
  readonly layout: CgroupLayout;
  /** Limits in force, when they are changed on a running zone. */
  readonly previous?: ZoneLimits | undefined;
}

export interface ControllerRules {
  readonly controller: Controller;
  /** In messages: `memory limit`. */
  readonly purpose: string;
  /** Whether these limits need the controller. */
  isAsked(limits: ZoneLimits): boolean;
  /** Control files and values, in the order in which they must be written. All of them, also unlimited ones. */
  v1(limits: ZoneLimits, context: RuleContext): FileValue[];
  v2(limits: ZoneLimits, context: RuleContext): FileValue[];
}
