//! Builds the Java side with Maven and lists its jars, so that they are part of the binary.

#![allow(
    clippy::disallowed_methods,
    reason = "cargo tells a build script where things are by its environment"
)]

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

/// How much of the jars' hash tells them from others.
const VERSION_BYTES: usize = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let java = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../java");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for part in ["pom.xml", "src/main"] {
        println!("cargo::rerun-if-changed={}", java.join(part).display());
    }
    let built = out.join("java");
    build(&java, &built)?;
    let mut jars = vec![built.join("gantry-bridge.jar")];
    let mut libraries: Vec<PathBuf> = fs::read_dir(built.join("lib"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    libraries.sort();
    jars.append(&mut libraries);
    let mut list = String::from("&[\n");
    for jar in &jars {
        let name = jar.file_name().and_then(|name| name.to_str()).ok_or("a jar without a name")?;
        writeln!(
            list,
            "    ({name:?}, include_bytes!({:?}) as &[u8]),",
            jar.display().to_string()
        )?;
    }
    list.push(']');
    fs::write(out.join("jars.rs"), list)?;
    println!("cargo::rustc-env=GANTRY_JARS_VERSION={}", version(&jars)?);
    Ok(())
}

/// The same for the same jars.
fn version(jars: &[PathBuf]) -> Result<String, Box<dyn Error>> {
    let mut hash = Sha256::new();
    for jar in jars {
        hash.update(jar.file_name().unwrap_or_default().as_encoded_bytes());
        hash.update(fs::read(jar)?);
    }
    Ok(hash.finalize().iter().take(VERSION_BYTES).map(|byte| format!("{byte:02x}")).collect())
}

fn build(java: &Path, built: &Path) -> Result<(), Box<dyn Error>> {
    let output = Command::new("mvn")
        .args(["-q", "-B", "-DskipTests", "package"])
        .arg(format!("-Dgantry.build.directory={}", built.display()))
        .current_dir(java)
        .output()
        .map_err(|error| {
            format!(
                "Maven could not be started ({error}). It builds the Java side of the bridge: \
                 install Maven and a JDK of version 17 or newer, as scripts/setup.sh does"
            )
        })?;
    if output.status.success() {
        return Ok(());
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Err(format!(
        "Maven could not build the Java side of the bridge in {}:\n{}{}",
        java.display(),
        text(&output.stdout),
        text(&output.stderr)
    )
    .into())
}
