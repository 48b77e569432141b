/**
 * What the probes of a traced kernel tell: a value that says, for one kernel and one set of probes, where objects lie in memory, what their fields
 * are called, and which events a line of ftrace's text stands for. A mapping is data; it can be written in TypeScript or as JSON.
 */
import type { EventKind, PlaceKind } from '../event.ts';

export interface FtraceMapping {
  readonly holdfast: 'ftrace-mapping';
  readonly version: 1;
  /** Of which kernel and probes, for people. */
  readonly kernel: string;
  readonly types: Readonly<Record<string, TypeMapping>>;
  /** By `Type.field`. */
  readonly places: Readonly<Record<string, PlaceKind>>;
  /** Event kinds that are shown of everything that is named here, as far as the rules for every program go. */
  readonly observes: readonly EventKind[];
  /** Of these, kinds of which a probe may miss some. */
  readonly mayMiss: readonly EventKind[];
  /** The same for the rules of a system: what is shown of all its objects and fields. Rules that need more are not judged. */
  readonly systems: Readonly<Record<string, readonly EventKind[]>>;
  /** Lock functions whose return is probed too, as `name__ret`. Of the others the lock is taken when the thread is seen next. */
  readonly returns: readonly string[];
  /** Functions that are seen to enter and not to leave, or the other way round: what they do to locks and sections is left out. */
  readonly halfSeen: readonly string[];
  /** Locks that lie in no object known by then, by the function that takes them (`kvm_dev_ioctl`), or the place in it (`kvm_dev_ioctl+0x5d8`). */
  readonly sites: Readonly<Record<string, SiteMapping>>;
  /** Effects of a probe, in order. */
  readonly probes: Readonly<Record<string, readonly Effect[]>>;
  /** Names of system calls by number; what is not listed is no call. */
  readonly calls: Readonly<Record<string, string>>;
  /** Work queues by the name that the kernel gives them. */
  readonly workQueues: Readonly<Record<string, string>>;
}

export interface TypeMapping {
  /** Bytes. An address within is inside the object. */
  readonly size: number;
  /** Where each field lies, in bytes from the beginning. */
  readonly fields: Readonly<Record<string, number>>;
  /** Functions of these modules act on such an object where it lay, also after it was freed. Of others the address is taken for something else. */
  readonly modules: readonly string[];
}

export interface SiteMapping {
  /** `Type.field` */
  readonly place: string;
  /** The object is new here, whatever lay there before. */
  readonly born?: boolean;
}

interface When {
  /** Only if the probe was reached from this function. */
  readonly site?: string;
  /** Arguments are those of the thread's latest line of this probe. It is used up. */
  readonly from?: string;
}
/** An argument of the probe, and how far into the object it points; 0 if absent. */
export interface Address {
  readonly argument: string;
  readonly type: string;
  readonly offset?: number;
}

export type Effect = When &
  /** An object lies there; a new one if none was known, or if the one that was is freed. */
  (
    | { readonly do: 'meet'; readonly object: Address }
    /** A second witness of that: if a freed object lay there, it is a new one now. */
    | { readonly do: 'meet-again'; readonly object: Address }
    | { readonly do: 'free'; readonly object: Address }
    /** A counter's value before the function. */
    | { readonly do: 'value'; readonly object: Address; readonly field: string; readonly value: string }
    | { readonly do: 'get' | 'put' | 'use' | 'assert-held'; readonly object: Address; readonly field: string }
    /** `got`: the argument that is not 0 if it succeeded, of this line. */
    | { readonly do: 'get-unless-zero'; readonly object: Address; readonly field: string; readonly got: string }
    | { readonly do: 'add' | 'remove'; readonly object: Address; readonly set: string; readonly member: Address }
    | {
        readonly do: 'link' | 'unlink' | 'callback';
        readonly object: Address;
        readonly queue: string;
        readonly entry: Address;
        readonly name: string;
      }
    /** The queue whose lock the thread took last. */
    | { readonly do: 'callback-under-lock'; readonly queue: string; readonly entry: Address; readonly name: string }
    /** Wait for the readers of all of RCU; its end is when the thread is seen next. */
    | { readonly do: 'grace'; readonly domain: string }
  );
