/** The third era: KVM clears the borrowed pointers in time, but under its own lock. Linux 6.2, and 6.1 from 6.1.9 on. */
import { absent, always, bug, type Defect, get, getUnlessZero, lock, put, some, unlock, writeLock, writeUnlock } from '../language.ts';
import type * as deferredPuts from './deferred-put.ts';
import type * as deviceFiles from './device-file.ts';
import type * as drivers from './drivers.ts';
import { gvt } from './drivers.ts';
import * as groups from './group.ts';
import type * as chains from './iommu-chain.ts';
import type * as attachments from './iommufd-attach.ts';
import type * as kvms from './kvm.ts';
import type * as kvmVfios from './kvm-vfio.ts';
import type * as openFiles from './open-file.ts';
import type * as registrations from './registration.ts';
import type * as calls from './vfio-device.calls.ts';
import type * as cdevs from './vfio-device.cdev.scenarios.ts';
import type * as large from './vfio-device.large.scenarios.ts';
import type * as machines from './vfio-device.machine.scenarios.ts';
import type * as questions from './vfio-device.questions.scenarios.ts';
import * as scenarios from './vfio-device.scenarios.ts';
import * as devices from './vfio-device.ts';
import { vfio } from './vfio-device.ts';
import type * as vectors from './vfio-device.vectors.ts';

export type Spec = typeof calls &
  typeof cdevs &
  typeof large &
  typeof machines &
  typeof questions &
  typeof vectors &
  typeof deferredPuts &
  typeof deviceFiles &
  typeof drivers &
  typeof groups &
  typeof kvms &
  typeof kvmVfios &
  typeof attachments &
  typeof chains &
  typeof openFiles &
  typeof registrations &
  typeof scenarios &
  typeof devices;

/**
 * The core holds no reference: a driver that wants the machine to stay gets its own. kvm-vfio is released when it is closed, under the machine's lock,
 * and telling a group its machine takes the group's lock; opening a device takes the two the other way round.
 *
 * That vfio-ap puts its reference, the last one perhaps, before it unlocks the machine's lock is our own reading.
 * @source Linux 2b48f52f2bff, "vfio: fix deadlock between group lock and kvm lock", what it says of the code before it
 * @fact D104
 */
export const linux_6_2: Defect<Spec> = {
  breaks: [
    { rule: always.noLockCycle, in: scenarios.openRacesClose },
    { rule: always.everyWaitEnds, in: scenarios.openRacesClose },
    { rule: groups.openingOrder, in: scenarios.openRacesClose },
    { rule: devices.setKvmTakesNoGroupLock, in: scenarios.openRacesClose },
    { rule: always.freedWhenIdle, in: scenarios.openRacesClose },
  ],
  instead: {
    usedWhileFileTakenAway: absent,
    everythingCloses: absent,
    bindTwice: absent,
    attachedForAProcess: absent,
    bindAgain: absent,
    usedWhileBound: absent,
    bindRacesRemove: absent,
    bindTwiceUntold: absent,
    bindTwiceSameVm: absent,
    putRacesClearThroughCdev: absent,
    theDiffThroughCdev: absent,
    twoFilesAndTheGroup: absent,
    twoWaysIn: absent,
    moduleGoes: absent,

    deviceOwns: { driverKvm: kvm => kvm.users, groupFile: file => file.refs, pinned: module => module.pins },
    groupGuards: {
      containerUsers: group => group.lock,
      openedFile: group => group.lock,
      cdevOpenCount: group => group.lock,
      notified: group => group.notifierRwsem,
      devices: group => group.deviceLock,
      drivers: { read: () => true, write: () => vfio.groupLock },
      kvm: group => group.lock,
    },
    openingOrder: (all, group, set, kvm) => [all.groupLock, group.lock, set.lock, kvm.lock],
    putFunctionComesWithVm: absent,
    gotUnderRefLock: absent,

    groupSetKvm: (group, kvm) => {
      lock(group.lock);
      group.kvm = kvm;
      unlock(group.lock);
    },
    groupGetKvmSafe: device => {
      device.kvm = device.group.kvm;
    },
    putKvm: device => {
      device.kvm = null;
    },

    apClose: device => {
      const kvm = device.driverKvm;
      if (kvm === null) bug();
      lock(kvm.lock);
      kvm.cryptoUser = null;
      put(kvm.users);
      device.driverKvm = null;
      unlock(kvm.lock);
    },
    gvtOpen: device => {
      const kvm = device.kvm;
      if (kvm === null) return 'ESRCH';
      lock(gvt.lock);
      const taken = some(gvt.attached, other => other.kvm === kvm);
      if (!taken) gvt.attached.add(device);
      unlock(gvt.lock);
      if (taken) return 'EEXIST';
      get(kvm.users);
      device.driverKvm = kvm;
      writeLock(kvm.mmuLock);
      kvm.trackers.add(device);
      writeUnlock(kvm.mmuLock);
      return 0;
    },
    gvtClose: device => {
      const kvm = device.driverKvm;
      if (kvm === null) bug();
      writeLock(kvm.mmuLock);
      kvm.trackers.delete(device);
      writeUnlock(kvm.mmuLock);
      device.driverKvm = null;
      put(kvm.users);
      lock(gvt.lock);
      gvt.attached.delete(device);
      unlock(gvt.lock);
    },
  },
};

/**
 * The same in the kernel with long-term support, where opening takes the lock of the device set outside the group's. The stable series has the first
 * fix (51cdc8bc120e) and not the second (2b48f52f2bff). That this deadlock can be reached there is our own reading, and what exploring shows.
 * @source Linux 6.1.9, drivers/vfio/vfio_main.c, vfio_device_first_open() and vfio_device_last_close()
 * @fact D105
 * @sure candidate
 */
export const linux_6_1: Defect<Spec> = {
  of: linux_6_2,
  breaks: [
    { rule: always.noLockCycle, in: scenarios.openRacesClose },
    { rule: always.everyWaitEnds, in: scenarios.openRacesClose },
  ],
  instead: {
    openingOrder: (all, group, set, kvm) => [all.groupLock, set.lock, group.lock, kvm.lock],

    groupOpen: df => {
      const set = df.device.set;
      lock(set.lock);
      const result = devices.dfOpen(df);
      if (result === 0) df.accessGranted = true;
      unlock(set.lock);
      return result;
    },
    groupClose: df => {
      const set = df.device.set;
      lock(set.lock);
      devices.dfClose(df);
      unlock(set.lock);
    },
    firstOpen: df => {
      const device = df.device;
      const group = device.group;
      const module = device.module;
      if (!getUnlessZero(module.pins)) return 'ENODEV';
      device.pinned = module;
      lock(group.lock);
      const used = groups.useContainer(device);
      if (used !== 0) {
        unlock(group.lock);
        devices.unpinDriver(device);
        return used;
      }
      device.kvm = group.kvm;
      const result = device.driver.open(device);
      if (result !== 0) {
        device.kvm = null;
        groups.unuseContainer(device);
      }
      unlock(group.lock);
      if (result !== 0) devices.unpinDriver(device);
      return result;
    },
    lastClose: df => {
      const device = df.device;
      const group = device.group;
      lock(group.lock);
      device.driver.close(device);
      device.kvm = null;
      groups.unuseContainer(device);
      unlock(group.lock);
      devices.unpinDriver(device);
    },
  },
};
