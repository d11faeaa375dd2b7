//! The table `jobs`: work in the background. A row is made by the statement that causes it, by trigger: a snap job's and
//! a delivery's insert make theirs.

/// What a job is for; the row that it is for has its id as `job_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// Photos of a row of `snap_jobs`, to be made a draft of.
    Snap,
    /// A message, a row of `deliveries`.
    Delivery,
}

impl JobKind {
    pub fn as_str(self) -> &'static str {
        match self {
            JobKind::Snap => "snap",
            JobKind::Delivery => "delivery",
        }
    }
}

/// A job that this worker has the lease of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leased {
    pub id: i64,
    pub kind: JobKind,
    pub user_id: String,
    /// 1 for the first time.
    pub attempts: i32,
    /// A UUID as text; whoever commits an effect shows it.
    pub lease_token: String,
}

/// Ends a job within the statement that commits its effect: a common table expression `finished`, which has one row when
/// `$1` (the id) is still leased by `$2` (the token, as text), and none when the lease is lost; then the statement must
/// change nothing.
pub const FINISHED: &str = "finished as (
    update jobs set status = 'done', finished_at = now(), updated_at = now(), version = version + 1,
        lease_token = null, lease_expires_at = null, reason = null
    where id = $1 and lease_token = $2::text::uuid and lease_expires_at > now()
    returning id, user_id
)";
