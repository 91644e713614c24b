//! Rows that the control plane names by id and the packet path by key.

use crate::command::Id;
use slab::Slab;
use std::collections::HashMap;

/// Where a row stands; valid until the row is removed, cheap to follow.
pub type Key = usize;

/// Rows with two names: an [`Id`] for commands, a [`Key`] for packets.
#[derive(Debug)]
pub struct Table<T> {
    keys: HashMap<Id, Key>,
    rows: Slab<T>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            keys: HashMap::new(),
            rows: Slab::new(),
        }
    }
}

impl<T> Table<T> {
    /// Adds a row; `None` when the id is taken.
    pub fn insert(&mut self, id: Id, row: T) -> Option<Key> {
        if self.keys.contains_key(&id) {
            return None;
        }
        let key = self.rows.insert(row);
        self.keys.insert(id, key);
        Some(key)
    }

    /// Removes a row by its id.
    pub fn remove(&mut self, id: Id) -> Option<(Key, T)> {
        let key = self.keys.remove(&id)?;
        Some((key, self.rows.remove(key)))
    }

    /// The key of an id.
    pub fn key(&self, id: Id) -> Option<Key> {
        self.keys.get(&id).copied()
    }

    /// The row under a key.
    #[inline]
    pub fn get(&self, key: Key) -> Option<&T> {
        self.rows.get(key)
    }

    /// The row under a key.
    #[inline]
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        self.rows.get_mut(key)
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Every row with its key.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.rows.iter()
    }

    /// The first key from this one on.
    pub fn next_key(&self, from: Key) -> Option<Key> {
        (from..self.rows.capacity().max(from)).find(|key| self.rows.contains(*key))
    }

    /// Every row with its key.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Key, &mut T)> {
        self.rows.iter_mut()
    }
}
