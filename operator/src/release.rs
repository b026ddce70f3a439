//! What a release is called, and so what its objects are called.

/// A release of the chart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Release {
    /// What the names of its objects begin with.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The label `app.kubernetes.io/instance` of its pods.
    pub instance: String,
}

/// Whose objects are compiled.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Watched {
    /// Those of every namespace.
    All,
    /// Those of these namespaces. Sorted.
    These(Vec<String>),
}

/// An object that the operator makes and keeps.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Own {
    /// ConfigMap `RELEASE-snapshot`.
    Pointer,
    /// ConfigMap `RELEASE-snapshot-NN`.
    Slot(u8),
    /// Secret `RELEASE-credentials-NN`.
    Credentials(u8),
    /// Secret `RELEASE-keys`.
    Keys,
}

impl Release {
    /// The ConfigMap with the settings document.
    pub fn settings(&self) -> String {
        format!("{}-settings", self.name)
    }

    /// The name of an object that the operator makes.
    pub fn own(&self, own: Own) -> String {
        let name = &self.name;
        match own {
            Own::Pointer => format!("{name}-snapshot"),
            Own::Slot(slot) => format!("{name}-snapshot-{slot:02}"),
            Own::Credentials(slot) => format!("{name}-credentials-{slot:02}"),
            Own::Keys => format!("{name}-keys"),
        }
    }

    /// The operator's Deployment, and the Lease by which one of its processes leads.
    pub fn operator(&self) -> String {
        format!("{}-operator", self.name)
    }

    /// What the release calls itself in the Lease of a namespace (R43).
    pub fn claimant(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Selects the gateway's pods.
    pub fn gateway_selector(&self) -> String {
        let Self { instance, .. } = self;
        format!(
            "app.kubernetes.io/name=switchboard,app.kubernetes.io/instance={instance},app.kubernetes.io/component=gateway"
        )
    }
}

impl Own {
    /// What kind of object it is, as the label of a metric.
    pub fn as_str(self) -> &'static str {
        match self {
            Own::Pointer => "pointer",
            Own::Slot(_) => "slot",
            Own::Credentials(_) => "credentials",
            Own::Keys => "keys",
        }
    }
}
