/** Files that user space has open. One type for all, as in the kernel: what it is a file of tells what closing it does. */
import { alloc, closeFd, type Descriptor, free, type Owns, put, type RefCount, type Runs } from '../language.ts';
import { type DeviceFile, releaseDeviceFile } from './device-file.ts';
import { type Group, releaseGroup } from './group.ts';
import type { Kvm } from './kvm.ts';
import { type KvmVfio, releaseKvmDevice } from './kvm-vfio.ts';

/** An open file: of a group, of a device, of a machine, of a machine's kvm-vfio (then both are set). All null: of something else. */
export interface OpenFile {
  readonly group: Group | null;
  readonly df: DeviceFile | null;
  readonly kv: KvmVfio | null;
  readonly kvm: Kvm | null;
  refs: RefCount;
}

/** A machine's file keeps the machine, and so does that of kvm-vfio. */
export const openFileOwns: Owns<OpenFile> = { kvm: kvm => kvm.users };

export const openFileRuns: Runs<OpenFile> = { refs: file => releaseFile(file) };

/** The last reference to the file is gone. */
export function releaseFile(file: OpenFile): void {
  const group = file.group;
  if (group !== null) releaseGroup(group);
  const df = file.df;
  if (df !== null) releaseDeviceFile(df);
  const kv = file.kv;
  if (kv !== null) releaseKvmDevice(kv);
  const kvm = file.kvm;
  if (kvm !== null) put(kvm.users);
  free(file);
}

/** A number under which nothing is open yet. */
export function freeDescriptor(): Descriptor<OpenFile> {
  return alloc<Descriptor<OpenFile>>({ kind: 'descriptor', file: null });
}

/** A file that has nothing to do with VFIO. */
export function openOtherFile(): Descriptor<OpenFile> {
  const file = alloc<OpenFile>({ refs: 1 });
  return alloc<Descriptor<OpenFile>>({ kind: 'descriptor', file });
}

/** Close a descriptor (`close`). The file ends with its last reference: that of another call, perhaps, or of kvm-vfio. */
export function close(fd: Descriptor<OpenFile>): 0 | 'EBADF' {
  return closeFd(fd) ? 0 : 'EBADF';
}
