//! A connector that this worker owns: its instance, which says which tasks there are.

use std::sync::Arc;
use std::time::Duration;

use gantry_api::{ConnectorRequest, Error, Props};
use gantry_cluster::{Input, TargetState};
use tokio::sync::watch;
use tokio::time::Instant;

use super::QUEUES;
use super::units::{Command, Ended, Runner, deal};
use crate::connector_config::ConnectorConfig;
use crate::entities::UnitState;
use crate::herder::{Herder, Started};

/// The wait before topics that could not be seen are looked at again.
const TELL_AGAIN: Duration = Duration::from_millis(500);

/// What a connector does until it is told something.
struct Running {
    started: Started,
    /// When the cluster is to be told which tasks there are; `None`: it was.
    tell_at: Option<Instant>,
    /// Counts topics that came or went, for a sink.
    topics: Option<watch::Receiver<u64>>,
}

enum Next {
    Again,
    End,
}

/// What a connector says of its tasks.
struct Plan {
    configs: Vec<Props>,
    is_source: bool,
    config: Arc<ConnectorConfig>,
}

impl Plan {
    fn of(started: &Started) -> Self {
        Self {
            configs: started.tasks.iter().map(|task| task.template().clone()).collect(),
            is_source: started.plugin.is_source(),
            config: Arc::clone(&started.config),
        }
    }
}

impl Runner {
    pub(super) async fn run_connector(&mut self) -> Ended {
        loop {
            let Some(herder) = self.herder.upgrade() else { return Ended::Stopped };
            let name = self.unit.connector.clone();
            let config = self.cluster.connector(&name, |connector| {
                (connector.version == self.generation).then(|| connector.config.clone())
            });
            let Some(config) = config.flatten() else {
                // Overtaken: the command to stop is on its way.
                match self.command().await {
                    Command::Stop => return Ended::Stopped,
                    _ => continue,
                }
            };
            let next = match self.target() {
                TargetState::Stopped => {
                    self.say(UnitState::Stopped, None, Some(&herder.version_of(&name)));
                    self.idle(TargetState::Stopped, false).await
                }
                TargetState::Paused => self.paused(&herder, &config).await,
                TargetState::Started => self.started(&herder, config).await,
            };
            if matches!(next, Next::End) {
                return Ended::Stopped;
            }
        }
    }

    /// Waits for a command that changes something.
    /// `acted_on` is the target state that what was done last was for.
    async fn idle(&mut self, acted_on: TargetState, failed: bool) -> Next {
        if self.target() != acted_on && !self.stop.is_cancelled() {
            return Next::Again;
        }
        loop {
            match self.command().await {
                Command::Stop => return Next::End,
                Command::Restart { only_failed } if failed || !only_failed => return Next::Again,
                Command::Restart { .. } => {}
                Command::Target(new) if new != acted_on => return Next::Again,
                Command::Target(_) => {}
            }
        }
    }

    /// Of one that is paused only the tasks stay: its instance does not run.
    async fn paused(&mut self, herder: &Arc<Herder>, config: &Props) -> Next {
        let name = self.unit.connector.clone();
        let known = self.cluster.connector(&name, |connector| connector.tasks.is_some());
        if known != Some(true) {
            match herder.start_instance(&name, config).await {
                Ok(started) => {
                    let plan = Plan::of(&started);
                    let told = self.tell_tasks(herder, plan).await;
                    started.instance.stop(&name, herder.grace()).await;
                    if !told {
                        return tokio::select! {
                            command = self.command() => match command {
                                Command::Stop => Next::End,
                                _ => Next::Again,
                            },
                            () = tokio::time::sleep(TELL_AGAIN) => Next::Again,
                        };
                    }
                }
                Err(error) => {
                    tracing::error!(connector = %name, %error, "connector failed to start");
                }
            }
        }
        self.say(UnitState::Paused, None, Some(&herder.version_of(&name)));
        self.idle(TargetState::Paused, false).await
    }

    async fn started(&mut self, herder: &Arc<Herder>, config: Props) -> Next {
        let name = self.unit.connector.clone();
        match herder.start_instance(&name, &config).await {
            Ok(started) => {
                self.say(UnitState::Running, None, Some(&herder.version_of(&name)));
                let is_sink = !started.plugin.is_source();
                // From before the first look at the topics on, so that none is missed.
                let topics = is_sink.then(|| herder.log().topic_changes());
                let tell_at = Some(Instant::now());
                self.serve(herder, &config, Running { started, tell_at, topics }).await
            }
            Err(error) => {
                tracing::error!(connector = %name, %error, "connector failed to start");
                self.say(UnitState::Failed, Some(error.trace()), None);
                self.idle(TargetState::Started, true).await
            }
        }
    }

    /// Does what the user and the connector ask for, until it is to stop or to start again.
    async fn serve(&mut self, herder: &Arc<Herder>, config: &Props, mut running: Running) -> Next {
        let name = self.unit.connector.clone();
        let next = loop {
            let requests = Arc::clone(&running.started.requests);
            tokio::select! {
                command = self.command() => match command {
                    Command::Stop => break Next::End,
                    Command::Restart { only_failed: true } => {}
                    // The log may have lost which tasks there are.
                    Command::Target(TargetState::Started) => running.tell_at = Some(Instant::now()),
                    Command::Restart { .. } | Command::Target(_) => break Next::Again,
                },
                request = requests.next() => match request {
                    ConnectorRequest::Reconfigure => {
                        if let Err(error) = self.reconfigure(herder, config, &mut running).await {
                            tracing::error!(connector = %name, %error, "could not reconfigure the tasks");
                            self.say(UnitState::Failed, Some(error.trace()), None);
                            running.started.instance.stop(&name, herder.grace()).await;
                            return self.idle(TargetState::Started, true).await;
                        }
                    }
                    ConnectorRequest::Fail(error) => {
                        tracing::error!(connector = %name, %error, "connector has failed");
                        self.say(UnitState::Failed, Some(error.trace()), None);
                        running.started.instance.stop(&name, herder.grace()).await;
                        return self.idle(TargetState::Started, true).await;
                    }
                },
                () = changed(&mut running.topics) => running.tell_at = Some(Instant::now()),
                () = tokio::time::sleep_until(running.tell_at.unwrap_or_else(Instant::now)),
                    if running.tell_at.is_some() => self.tell(herder, &mut running).await,
            }
        };
        running.started.instance.stop(&name, herder.grace()).await;
        next
    }

    async fn reconfigure(
        &self,
        herder: &Arc<Herder>,
        config: &Props,
        running: &mut Running,
    ) -> Result<(), Error> {
        let started = &mut running.started;
        let plugin = started.plugin.clone();
        let (tasks, common) = herder.ask_again(&mut started.instance, config, &plugin).await?;
        (started.tasks, started.config) = (tasks, common);
        self.tell(herder, running).await;
        Ok(())
    }

    /// Tells the cluster which tasks there are, or sees to it that it is told later.
    async fn tell(&self, herder: &Arc<Herder>, running: &mut Running) {
        let plan = Plan::of(&running.started);
        let told = self.tell_tasks(herder, plan).await;
        running.tell_at = (!told).then(|| Instant::now() + TELL_AGAIN);
    }

    /// Tells the cluster which tasks there are; false: the topics of a sink cannot be seen now. Of
    /// a sink each task knows its queues: when topics come or go they are dealt anew, and all
    /// tasks change as a whole.
    async fn tell_tasks(&self, herder: &Arc<Herder>, plan: Plan) -> bool {
        let Plan { mut configs, is_source, config } = plan;
        if !is_source {
            let queues = match herder.queues_of(&config).await {
                Ok(queues) => queues,
                Err(error) => {
                    tracing::warn!(connector = %self.unit, %error, "cannot see the topics yet");
                    return false;
                }
            };
            let shares = deal(&queues, configs.len());
            for (config, share) in configs.iter_mut().zip(shares) {
                config.insert(QUEUES.to_owned(), share);
            }
        }
        let what = format!("The {} tasks of connector {}", configs.len(), self.unit);
        if let Err(reason) = self.cluster.settings.must_fit(&what, configs.iter()) {
            tracing::error!(connector = %self.unit, reason, "the tasks cannot be told");
            self.say(UnitState::Failed, Some(Error::connect(reason).trace()), None);
            return true;
        }
        let same = self.cluster.connector(&self.unit.connector, |connector| {
            let tasks = connector.tasks.as_ref();
            tasks.is_some_and(|tasks| tasks.version == self.generation && tasks.configs == configs)
        });
        if same != Some(true) {
            let (name, version) = (self.unit.connector.clone(), self.generation);
            self.cluster.tell(Input::Tasks { name, version, epoch: self.epoch, configs }).await;
        }
        true
    }
}

/// Waits until a topic came or went; for ever where nobody wants to know.
async fn changed(topics: &mut Option<watch::Receiver<u64>>) {
    let changed = match topics {
        Some(topics) => topics.changed().await.is_ok(),
        None => false,
    };
    if !changed {
        std::future::pending::<()>().await;
    }
}
