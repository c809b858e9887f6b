//! Opens a cluster file and its hosts: what is wanted, joined with what is there.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use super::version;
use crate::{
    config::{Cluster, Host, Version, WantedCni, escaped},
    error::{Error, Kind, Result},
    execute::{
        Events, Hosts,
        survey::{self, Answer},
    },
    facts::Facts,
    graph::Graph,
    lower::{self, Asked},
    phase::PHASES,
    profile::{Changes, CniProfile, OsProfile, Profiles, RuntimeProfile},
    scene::{
        Archive, Direct, Site, Stage,
        address::{self, Neighbours},
        first_of,
    },
    secrets::Secrets,
    step::Recipes,
    transport::{self, Ask, Transport},
};

/// Everything that is known about a cluster after one survey of its hosts.
pub(super) struct Known {
    pub(super) cluster: Cluster,
    pub(super) profiles: Profiles,
    pub(super) version: Version,
    pub(super) sites: Arc<[Site]>,
    pub(super) secrets: Secrets,
    /// The manifest that the cluster file names by path.
    pub(super) manifest: Option<String>,
    pub(super) archives: Vec<Archive>,
    pub(super) hosts: Hosts,
    /// Host -> digest of a remembered check -> whether it holds.
    pub(super) answered: BTreeMap<String, BTreeMap<String, bool>>,
}

/// The hosts that answered, and the errors of those that did not.
pub(super) struct Surveyed {
    pub(super) hosts: BTreeMap<String, Transport>,
    pub(super) facts: Vec<(Host, Facts)>,
    pub(super) answered: BTreeMap<String, BTreeMap<String, bool>>,
    pub(super) errors: Vec<Error>,
    /// The hosts that these are of, in the same order.
    pub(super) silent: Vec<String>,
}

impl Surveyed {
    /// The errors of these hosts.
    pub(super) fn take_errors(&mut self, hosts: &[String]) -> BTreeMap<String, Error> {
        let all = std::mem::take(&mut self.silent).into_iter().zip(std::mem::take(&mut self.errors));
        all.filter(|(host, _)| hosts.contains(host)).collect()
    }
}

/// Surveys all hosts of a cluster.
pub(super) async fn survey(hosts: &[Host], asked: Asked, ask: &Ask, concurrency: usize, events: &Events) -> Surveyed {
    let mut surveyed =
        Surveyed { hosts: BTreeMap::new(), facts: Vec::new(), answered: BTreeMap::new(), errors: Vec::new(), silent: Vec::new() };
    for (host, answer) in survey::survey(hosts, asked, ask, concurrency, events).await {
        match answer {
            Ok(Answer { transport, facts, checks }) => {
                surveyed.hosts.insert(host.name.clone(), transport);
                surveyed.answered.insert(host.name.clone(), checks);
                surveyed.facts.push((host, facts));
            }
            Err(error) => {
                surveyed.errors.push(error);
                surveyed.silent.push(host.name);
            }
        }
    }
    surveyed
}

impl Known {
    /// Draws the conclusions of a survey in which every host answered.
    pub(super) async fn conclude(
        cluster: Cluster,
        profiles: Profiles,
        surveyed: Surveyed,
        proxy_password: Option<String>,
    ) -> Result<Self> {
        let mut sites = Vec::with_capacity(surveyed.facts.len());
        let mut made = Sites::of(&cluster, &profiles, surveyed.facts.iter().map(|(_, facts)| facts));
        for (host, facts) in surveyed.facts {
            sites.push(made.site(host, facts)?);
        }
        let sites: Arc<[Site]> = sites.into();
        let hosts = Arc::new(surveyed.hosts);
        let version = version::resolve(&cluster, &sites, &hosts, proxy_password.as_deref()).await?;
        let secrets = secrets(&sites, proxy_password)?;
        let manifest = match &cluster.cni {
            WantedCni::ManifestFile(path) => Some(read_manifest(path)?),
            _ => None,
        };
        let archives = archives(&cluster.images.archives).await?;
        Ok(Self { cluster, profiles, version, sites, secrets, manifest, archives, hosts, answered: surveyed.answered })
    }

    /// The same cluster after its hosts were asked again.
    pub(super) async fn again(self) -> Result<Self> {
        let mut sites = Vec::with_capacity(self.sites.len());
        let mut answered = BTreeMap::new();
        let mut asked = tokio::task::JoinSet::new();
        for (index, site) in self.sites.iter().enumerate() {
            let (hosts, peers, host) = (Arc::clone(&self.hosts), Vec::new(), site.host.clone());
            asked.spawn(async move {
                let transport =
                    hosts.get(&host.name).ok_or_else(|| Error::new(Kind::Internal, format!("{} is not connected", host.name)))?;
                let (facts, checks) = survey::again(transport, &peers, Asked::FactsAndChecks).await?;
                Ok::<_, Error>((index, host, facts, checks))
            });
        }
        let mut all = Vec::new();
        while let Some(joined) = asked.join_next().await {
            all.push(joined.map_err(|error| Error::new(Kind::Internal, "a survey ended early").because(error))??);
        }
        all.sort_by_key(|(index, ..)| *index);
        let mut made = Sites::of(&self.cluster, &self.profiles, all.iter().map(|(_, _, facts, _)| facts));
        for (_, host, facts, checks) in all {
            answered.insert(host.name.clone(), checks);
            sites.push(made.site(host, facts)?);
        }
        let secrets = secrets(&sites, self.secrets.proxy_password)?;
        Ok(Self { sites: sites.into(), secrets, answered, ..self })
    }

    /// What the phases may see.
    pub(super) fn stage(&self) -> Result<Stage<'_>> {
        let cni = match &self.cluster.cni {
            WantedCni::Profile(name) => Some(self.profiles.cni(name)?),
            WantedCni::ManifestFile(_) => self.cni_of(self.manifest.as_deref().unwrap_or_default()),
            WantedCni::ManifestUrl { url, .. } => self.cni_of(url),
            WantedCni::None => None,
        };
        Ok(Stage {
            cluster: &self.cluster,
            version: self.version,
            sites: Arc::clone(&self.sites),
            cni,
            changes: Changes::of(&self.profiles),
            secrets: &self.secrets,
            manifest: self.manifest.clone(),
            archives: self.archives.clone(),
            direct: Direct::default(),
            first: OnceLock::new(),
        })
    }

    /// The CNI whose manifest a user has brought, if it is a known one.
    fn cni_of(&self, manifest: &str) -> Option<&CniProfile> {
        self.profiles.cnis.iter().find(|profile| profile.knows(manifest))
    }

    /// The steps of these phases on every host. Needs that stand outside of the phases are handed on.
    pub(super) fn graph(&self, phases: &[&str]) -> Result<Graph> {
        let stage = self.stage()?;
        let (mut steps, mut recipes) = (Vec::new(), Recipes::default());
        for phase in PHASES {
            for scene in stage.scenes() {
                steps.extend((phase.steps)(&scene)?.into_iter().map(|step| recipes.share(step)));
            }
        }
        Ok(Graph::new(steps)?.phases(phases))
    }

    /// The way to the control plane that holds the cluster, or will.
    pub(super) fn first(&self) -> Result<(&Site, &Transport)> {
        let site = first_of(&self.sites)?;
        let transport = self
            .hosts
            .get(&site.host.name)
            .ok_or_else(|| Error::new(Kind::Unreachable, format!("{} is not connected", site.host.name)))?;
        Ok((site, transport))
    }

    /// Words that no line may show.
    pub(super) fn secret_words(&self) -> Vec<String> {
        let mut words = vec![self.secrets.token.secret.clone(), self.secrets.certificate_key.clone()];
        if let Some(password) = &self.secrets.proxy_password {
            words.extend([password.clone(), escaped(password)]);
        }
        words
    }
}

/// Makes sites of hosts: of what many have in common there is one for all.
struct Sites<'a> {
    cluster: &'a Cluster,
    profiles: &'a Profiles,
    neighbours: Neighbours,
    systems: BTreeMap<String, Arc<OsProfile>>,
    runtimes: BTreeMap<String, Arc<RuntimeProfile>>,
}

impl<'a> Sites<'a> {
    fn of<'f>(cluster: &'a Cluster, profiles: &'a Profiles, facts: impl Iterator<Item = &'f Facts>) -> Self {
        Self { cluster, profiles, neighbours: Neighbours::of(facts), systems: BTreeMap::new(), runtimes: BTreeMap::new() }
    }

    fn site(&mut self, host: Host, facts: Facts) -> Result<Site> {
        let profile = self
            .profiles
            .os(host.profile.as_deref(), &facts.os)
            .map_err(|error| Error { what: format!("{}: {}", host.name, error.what), ..error })?;
        let profile = Arc::clone(self.systems.entry(profile.name.clone()).or_insert_with(|| Arc::new(profile.clone())));
        let runtime = self.profiles.runtime_of(self.cluster.runtime.as_deref(), &facts, self.cluster.kubernetes.minor)?;
        let runtime = Arc::clone(self.runtimes.entry(runtime.name.clone()).or_insert_with(|| Arc::new(runtime.clone())));
        let node_ip = address::node_ip(self.cluster, &host, &facts, &self.neighbours)?;
        Ok(Site { host, facts, profile, runtime, node_ip })
    }
}

fn secrets(sites: &[Site], proxy_password: Option<String>) -> Result<Secrets> {
    let first = first_of(sites)?;
    let secrets = Secrets::generate(first.facts.ca.as_deref().filter(|_| first.facts.pki_complete))?;
    Ok(Secrets { proxy_password, ..secrets })
}

/// The password of the cluster file's proxy, if that wants one.
pub(super) async fn proxy_password(cluster: &Cluster, ask: &Ask) -> Result<Option<String>> {
    let Some((proxy, url)) = cluster.proxy.as_ref().and_then(|proxy| Some((proxy, proxy.with_user()?))) else { return Ok(None) };
    transport::proxy_password(proxy.password_file.as_deref(), &url.to_string(), ask).await.map(Some)
}

/// The checksums of image archives, which may be larger than memory.
async fn archives(paths: &[PathBuf]) -> Result<Vec<Archive>> {
    let mut archives = Vec::with_capacity(paths.len());
    for path in paths.iter().cloned() {
        let hashing = tokio::task::spawn_blocking(move || match std::fs::File::open(&path).and_then(lower::sha256_of) {
            Ok(sha256) => Ok(Archive { path, sha256 }),
            Err(error) => {
                Err(Error::new(Kind::NoFile, format!("the image archive {} cannot be read", path.display())).because(error))
            }
        });
        archives.push(hashing.await.map_err(|error| Error::new(Kind::Internal, "hashing ended early").because(error))??);
    }
    Ok(archives)
}

fn read_manifest(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        Error::new(Kind::NoFile, format!("the CNI manifest {} cannot be read", path.display()))
            .because(error)
            .hint("`cni` in the cluster file takes a path relative to that file, a URL, or the name of a profile")
    })
}
