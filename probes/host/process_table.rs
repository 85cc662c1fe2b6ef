use std::collections::HashMap;
use std::path::Path;

use super::kernel_dir::KernelDir;
use super::{ProcStat, processes};

/// Every process that /proc shows, read once.
#[derive(Debug, Clone, Default)]
pub struct ProcessTable {
    processes: HashMap<u32, ProcStat>,
    children: HashMap<u32, Vec<u32>>,
}

impl ProcessTable {
    /// Reads /proc. A process that ends meanwhile is left out, and so is one that the caller may not see.
    pub fn read() -> Self {
        let Ok(proc) = KernelDir::open(Path::new("/proc")) else { return Self::default() };
        let stat = |pid| ProcStat::parse(&proc.read(&format!("{pid}/stat")).ok()?);
        processes().filter_map(|pid| Some((pid, stat(pid)?))).collect()
    }

    /// Returns a process.
    pub fn get(&self, pid: u32) -> Option<&ProcStat> {
        self.processes.get(&pid)
    }

    /// Returns all processes in ascending order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &ProcStat)> {
        let mut pids: Vec<u32> = self.processes.keys().copied().collect();
        pids.sort_unstable();
        pids.into_iter().map(|pid| (pid, &self.processes[&pid]))
    }

    /// Returns the parent of a process, its parent, and so on.
    pub fn ancestors(&self, pid: u32) -> impl Iterator<Item = u32> {
        let parent = |pid: &u32| self.get(*pid).map(|stat| stat.parent).filter(|above| *above != 0);
        // Ids that were taken again while the table was read could make a circle.
        std::iter::successors(parent(&pid), parent).take(self.processes.len())
    }

    /// Returns a process and all its descendants, in ascending order of their ids.
    pub fn tree(&self, root: u32) -> Vec<u32> {
        let mut found: Vec<u32> = self.get(root).map(|_| root).into_iter().collect();
        let mut next = 0;
        // A circle of parents would go on for ever.
        while let Some(pid) = found.get(next).copied().filter(|_| next < self.processes.len()) {
            found.extend(self.children.get(&pid).into_iter().flatten());
            next += 1;
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl FromIterator<(u32, ProcStat)> for ProcessTable {
    fn from_iter<T: IntoIterator<Item = (u32, ProcStat)>>(processes: T) -> Self {
        let processes: HashMap<u32, ProcStat> = processes.into_iter().collect();
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for (pid, stat) in &processes {
            children.entry(stat.parent).or_default().push(*pid);
        }
        Self { processes, children }
    }
}

#[cfg(test)]
impl ProcessTable {
    /// Returns a table of processes, each with its parent.
    pub(super) fn of_parents(parents: &[(u32, u32)]) -> Self {
        let stat = |parent: u32| {
            let line = format!("1 (a) S {parent} 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 1 0 1 0 0");
            ProcStat::parse(line.as_bytes()).unwrap()
        };
        parents.iter().map(|(pid, parent)| (*pid, stat(*parent))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descendants_are_found_through_their_parents() {
        let table = ProcessTable::of_parents(&[(1, 0), (5, 1), (6, 5), (7, 6), (8, 1)]);
        assert_eq!(table.tree(5), [5, 6, 7]);
        assert_eq!(table.ancestors(7).collect::<Vec<_>>(), [6, 5, 1]);
        assert_eq!(table.ancestors(9).count(), 0);
    }

    #[test]
    fn a_circle_of_parents_ends() {
        let table = ProcessTable::of_parents(&[(2, 3), (3, 2)]);
        assert_eq!((table.tree(4), table.tree(2)), (vec![], vec![2, 3]));
        assert_eq!(table.ancestors(2).count(), 2);
    }

    #[test]
    fn the_calling_process_is_in_the_table() {
        let table = ProcessTable::read();
        let own = table.get(std::process::id()).unwrap();
        assert_eq!(own.parent, std::os::unix::process::parent_id());
        assert!(own.threads > 0 && own.resident_pages > 0);
    }
}
