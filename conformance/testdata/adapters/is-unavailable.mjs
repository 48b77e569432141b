process.stderr.write('/dev/kvm cannot be opened: Permission denied.\n');
process.exit(77);
