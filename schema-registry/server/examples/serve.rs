//! Serves a registry that forgets everything when it stops: `serve [PORT]` listens on
//! `127.0.0.1:PORT`, 8081 if no port is given.

use std::sync::Arc;

use gantry_log::MemoryLog;
use gantry_schema_registry::{Registry, Settings, rocketmq_router, router};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).map_or(Ok(8081), |port| port.parse::<u16>())?;
    let registry = Registry::open(Arc::new(MemoryLog::new()), Settings::default()).await?;
    let own = rocketmq_router(Arc::clone(&registry));
    let router = own.fallback_service(router(registry));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, router).await?;
    Ok(())
}
