//! Where RocksDB is a shared library of `ROCKSDB_LIB_DIR`, programs of this package find it there.

use std::env::var_os;
use std::io::Error;
use std::path::PathBuf;

fn main() -> Result<(), Error> {
    println!("cargo:rerun-if-env-changed=ROCKSDB_LIB_DIR");
    println!("cargo:rerun-if-changed=build.rs");
    let (Some(dir), Some(out)) = (var_os("ROCKSDB_LIB_DIR"), var_os("OUT_DIR")) else {
        return Ok(());
    };
    let (dir, out) = (PathBuf::from(dir), PathBuf::from(out));
    let library = dir.join("librocksdb.so");
    if var_os("ROCKSDB_STATIC").is_some() || !library.exists() {
        return Ok(());
    }
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", dir.display());
    // Cargo lets what it starts, tests in documentation too, find libraries that are here.
    let link = out.join("librocksdb.so");
    if link.symlink_metadata().is_ok() {
        std::fs::remove_file(&link)?;
    }
    std::os::unix::fs::symlink(&library, &link)?;
    println!("cargo:rustc-link-search=native={}", out.display());
    Ok(())
}
